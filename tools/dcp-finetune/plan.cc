#include "dcp-finetune/plan.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/corpus.h"
#include "common/text_options.h"
#include "dcp-finetune/attention.h"
#include "dcp-finetune/exchange.h"
#include "dcp-finetune/train_state.h"
#include "dcp/error.h"
#include "io/checkpoint.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void Require(bool fits, const char* message) {
  if (!fits) Fail(message);
}

// What the range of each option does not tell.
void CheckNumbers(const TrainOptions& o) {
  Require(o.held_out < 1, "--held-out must be below 1");
  CheckExchange(o.exchange);
  if (o.batch % o.exchange.processes != 0) {
    Fail("--batch " + std::to_string(o.batch) + " cannot be divided among " + std::to_string(o.exchange.processes) +
         " processes");
  }
}

void CheckTogether(const TrainOptions& o) {
  Require(o.base.empty() != o.init_config.empty(), "give one of --base and --init");
  Require(o.adapter.empty() || !o.base.empty(), "--adapter needs --base");
  Require(!o.resume || !o.overwrite, "give --resume or --overwrite, not both");
  Require(!o.base.empty() || !o.tokenizer.empty(), "--init needs --tokenizer DIR");
  Require(!o.data.empty(), "--data is missing");
  Require(!o.out.empty(), "--out is missing");
  Require(!o.adapter_only || o.freeze_base, "--adapter-only needs --freeze-base: an adapter leaves the base as it is");
  Require(!o.gamma.empty() || !o.freeze_base, "--freeze-base without --gamma leaves nothing to train");
  Require(o.gamma.empty() || o.mask.empty(), "give --gamma or --mask, not both");
  Require(!o.gamma.empty() || !o.eviction_delay, "--eviction-delay needs --gamma: nothing is dropped without");
  Require(!o.positions || !o.base.empty(), "--positions needs --base: for --init they stand in its file");
  Require(o.distill || o.teacher.empty(), "--teacher needs --distill");
  Require(!o.distill || !o.teacher.empty() || !o.base.empty(), "--distill needs --base or --teacher");
  Require(!o.schedule.cosine || o.schedule.decay == 0, "give --decay or --lr-schedule cosine, not both");
}

// Whether files can be made in a directory that may not be there yet.
void CheckWritable(const char* option, const std::string& directory) {
  fs::path there = fs::absolute(directory);
  std::error_code unknown;
  while (!fs::exists(there, unknown)) there = there.parent_path();
  if (access((there / "").c_str(), W_OK | X_OK) != 0) {
    throw Error(ErrorCode::kIo, std::string(option) + " " + directory + ": " + std::strerror(errno));
  }
}

void CheckNothingIsLost(const TrainOptions& o, const fs::path& state) {
  if (o.exchange.rank > 0) return;  // the first process alone writes
  if (o.overwrite || (o.resume && fs::exists(state))) return;
  CheckNothingThere(
      o.out,
      {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "adapter.safetensors", kStateName},
      o.resume ? "--overwrite (there is no state to resume)" : "--resume to go on from its state, or --overwrite");
}

void CheckPaths(const TrainOptions& o) {
  for (const auto* texts : {&o.data, &o.valid}) {
    for (const std::string& path : *texts) {
      for (const std::string& file : tools::TextFilesOf(path)) {
        if (access(file.c_str(), R_OK) != 0) throw Error(ErrorCode::kIo, file + ": " + std::strerror(errno));
      }
    }
  }
  CheckWritable("--out", o.out);
  CheckWritable("--cache", o.cache);
  std::error_code ignored;
  Require(o.base.empty() || !fs::equivalent(o.base, o.out, ignored),
          "--out is the directory of --base, which would be overwritten");
}

torch::Device ParseDevice(const std::string& name, int index) {
  if (name == "cpu") return torch::kCPU;
  Require(at::hasCUDA(), "--device cuda: this machine or this build has none");
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index));
}

torch::ScalarType ParsePrecision(const std::string& name, const torch::Device& device) {
  const bool bf16 = name.empty() ? device.is_cuda() : name == "bf16";
  return bf16 ? torch::kBFloat16 : torch::kFloat;
}

TokenId EndOfText(const Tokenizer& tokenizer, const std::string& directory, const ModelConfig& config) {
  const std::optional<TokenId> id = tools::EndOfTextToken(&tokenizer, config);
  if (!id) {
    throw Error(ErrorCode::kInvalidModel, directory +
                                              ": no token ends a text: the tokenizer has neither an eos_token nor "
                                              "<|endoftext|>, config.json no eos_token_id");
  }
  return *id;
}

ModelConfig ConfigOf(const TrainOptions& o, TokenId end_of_text, ModelConfig config) {
  if (config.eos_token_ids.empty()) {
    config.eos_token_ids = {end_of_text};
    config.bos_token_id = end_of_text;
  }
  if (o.positions) {
    if (*o.positions < config.n_positions) {
      Fail("--positions " + std::to_string(*o.positions) + ": --base has " + std::to_string(config.n_positions));
    }
    config.n_positions = *o.positions;
  }
  if (!o.gamma.empty() && config.int_n_embd == 0) config.int_n_embd = o.int_dim;
  if (o.eviction_delay) config.eviction_delay = *o.eviction_delay;
  config.Validate("command line");
  return config;
}

// Values of which there may be one for each layer.
void CheckByLayer(const char* option, const std::vector<double>& values, int layers) {
  if (values.size() <= 1 || values.size() == static_cast<size_t>(layers)) return;
  Fail(std::string(option) + " has " + std::to_string(values.size()) + " values: give one, or one for each of the " +
       std::to_string(layers) + " layers");
}

void CheckTeacher(const std::string& directory, const ModelConfig& own) {
  const ModelConfig config = Checkpoint::Open(directory).config();
  const auto check = [&](const char* field, int teachers, int ours, bool fits) {
    if (fits) return;
    throw Error(ErrorCode::kInvalidModel, directory + ": the teacher's " + field + " is " + std::to_string(teachers) +
                                              ", the model's " + std::to_string(ours));
  };
  check("vocab_size", config.vocab_size, own.vocab_size, config.vocab_size == own.vocab_size);
  check("n_positions", config.n_positions, own.n_positions, config.n_positions >= own.n_positions);
}

int64_t ContextOf(const TrainOptions& o, const ModelConfig& config) {
  const int64_t context = o.context > 0 ? o.context : config.n_positions;
  if (context < 2 || context > config.n_positions) {
    Fail("--context " + std::to_string(context) + ": expected 2 to " + std::to_string(config.n_positions) +
         ", the model's positions");
  }
  return context;
}

ModelToSave TargetOf(const TrainOptions& o) {
  ModelToSave target;
  target.directory = o.out;
  target.type = o.saved_type;
  target.adapter_only = o.adapter_only;
  if (!o.adapter_only) {
    target.TakeAlong(o.base.empty() ? fs::path(o.init_config) : fs::path(o.base) / "config.json", o.base, o.tokenizer);
  }
  return target;
}

}  // namespace

RunPlan Resolve(TrainOptions o) {
  CheckNumbers(o);
  CheckTogether(o);
  if (o.tokenizer.empty()) o.tokenizer = o.base;
  if (o.cache.empty()) o.cache = (fs::path(o.out) / "cache").string();
  if (o.distill && o.teacher.empty()) o.teacher = o.base;
  o.schedule.steps = o.steps;
  CheckPaths(o);
  const torch::Device device = ParseDevice(o.device, o.exchange.device);
  const torch::ScalarType compute = ParsePrecision(o.precision, device);
  Warnings warnings;
  const ModelConfig read = o.base.empty() ? LoadModelConfig(o.init_config, &warnings)
                                          : Checkpoint::Open(o.base, o.adapter, &warnings).config();
  Tokenizer tokenizer = Tokenizer::Load(o.tokenizer, &warnings);
  const TokenId end_of_text = EndOfText(tokenizer, o.tokenizer, read);
  const ModelConfig config = ConfigOf(o, end_of_text, read);
  CheckByLayer("--gamma", o.gamma, config.n_layer);
  CheckByLayer("--int-bias", o.interaction.bias, config.n_layer);
  if (!o.mask.empty()) ParseMask(o.mask, config.n_layer);
  if (!o.teacher.empty()) CheckTeacher(o.teacher, config);
  o.context = ContextOf(o, config);
  const fs::path state = fs::path(o.out) / kStateName;
  CheckNothingIsLost(o, state);
  const int64_t first_step = o.resume && fs::exists(state) ? CheckState(state, config) : 0;
  ModelToSave target = TargetOf(o);
  return {std::move(o),      config, std::move(tokenizer), end_of_text,        device, compute,
          std::move(target), state,  first_step,           std::move(warnings)};
}

}  // namespace dcp::finetune
