#include "dcp-finetune/trainer.h"

#include <cmath>
#include <filesystem>
#include <numeric>

#include "dcp-finetune/attention_mask.h"
#include "dcp-finetune/model.h"
#include "dcp/error.h"
#include "io/checkpoint.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

constexpr char kStateFile[] = "train_state.safetensors";

torch::Device ParseDevice(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  if (name != "cuda") throw Error(ErrorCode::kInvalidArgument, "--device \"" + name + "\": expected cpu or cuda");
  if (!at::hasCUDA()) throw Error(ErrorCode::kInvalidArgument, "--device cuda: this machine or this build has none");
  return torch::Device(torch::kCUDA, 0);
}

torch::ScalarType ParsePrecision(const std::string& name, const torch::Device& device) {
  if (name.empty()) return device.is_cuda() ? torch::kBFloat16 : torch::kFloat;
  if (name == "f32") return torch::kFloat;
  if (name == "bf16") return torch::kBFloat16;
  throw Error(ErrorCode::kInvalidArgument, "--precision \"" + name + "\": expected f32 or bf16");
}

std::vector<size_t> AllDocuments(const TokenCorpus& corpus) {
  std::vector<size_t> all(corpus.documents());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

ModelConfig ConfigOf(const TrainOptions& options) {
  if (options.base.empty()) return LoadModelConfig(options.init_config);
  return Checkpoint::Open(options.base, options.adapter).config();
}

}  // namespace

Trainer::Trainer(const TrainOptions& options)
    : options_(options),
      pool_(options.threads),
      device_(ParseDevice(options.device)),
      compute_(ParsePrecision(options.precision, device_)) {
  const int processes = options.exchange.processes;
  if (processes > 1 && options.batch % processes != 0) {
    throw Error(ErrorCode::kInvalidArgument, "--batch " + std::to_string(options.batch) + " cannot be divided among " +
                                                 std::to_string(processes) + " processes");
  }
  exchange_ = std::make_unique<Exchange>(options.exchange);
  options_.schedule.steps = options_.steps;
  LoadModel();
  LoadData();
}

void Trainer::LoadModel() {
  ModelConfig config = ConfigOf(options_);
  const std::string tokenizer = options_.tokenizer.empty() ? options_.base : options_.tokenizer;
  if (tokenizer.empty()) throw Error(ErrorCode::kInvalidArgument, "--init needs --tokenizer DIR");
  tokenizer_.emplace(Tokenizer::Load(tokenizer));
  options_.tokenizer = tokenizer;
  if (tokenizer_->vocab_size() > config.vocab_size) {
    throw Error(ErrorCode::kInvalidModel, tokenizer + ": the tokenizer has " +
                                              std::to_string(tokenizer_->vocab_size()) + " tokens, the model " +
                                              std::to_string(config.vocab_size));
  }
  if (!tokenizer_->end_of_text()) throw Error(ErrorCode::kInvalidModel, tokenizer + ": no <|endoftext|> token");
  if (!config.eos_token_id) config.eos_token_id = config.bos_token_id = tokenizer_->end_of_text();
  if (pruning() && config.int_n_embd == 0) config.int_n_embd = options_.int_dim;
  if (options_.eviction_delay) config.eviction_delay = *options_.eviction_delay;
  config.Validate("command line");
  if (pruning() && !options_.mask.empty()) throw Error(ErrorCode::kInvalidArgument, "give --gamma or --mask, not both");
  if (!pruning() && options_.freeze_base) {
    throw Error(ErrorCode::kInvalidArgument, "--freeze-base without --gamma leaves nothing to train");
  }
  if (options_.base.empty()) {
    parameters_.emplace(Parameters::Initialise(config, options_.interaction, options_.seed, device_));
  } else {
    parameters_.emplace(
        Parameters::Load(options_.base, options_.adapter, config, options_.interaction, options_.seed, device_));
  }
  if (options_.freeze_base) parameters_->FreezeBase();
  if (options_.distill) LoadTeacher();
  optimiser_.emplace(*parameters_, options_.optimiser);
  context_ = options_.context > 0 ? options_.context : config.n_positions;
  if (context_ < 2 || context_ > config.n_positions) {
    throw Error(ErrorCode::kInvalidArgument, "--context " + std::to_string(context_) + ": expected 2 to " +
                                                 std::to_string(config.n_positions) + ", the model's positions");
  }
  if (!options_.mask.empty()) mask_ = PolicyMask(options_.mask, context_, device_);
}

void Trainer::LoadTeacher() {
  const std::string directory = options_.teacher.empty() ? options_.base : options_.teacher;
  if (directory.empty()) throw Error(ErrorCode::kInvalidArgument, "--distill needs --base or --teacher");
  const ModelConfig config = Checkpoint::Open(directory).config();
  const ModelConfig& own = parameters_->config();
  const auto check = [&](const char* field, int teachers, int ours, bool fits) {
    if (fits) return;
    throw Error(ErrorCode::kInvalidModel, directory + ": the teacher's " + field + " is " + std::to_string(teachers) +
                                              ", the model's " + std::to_string(ours));
  };
  check("vocab_size", config.vocab_size, own.vocab_size, config.vocab_size == own.vocab_size);
  check("n_positions", config.n_positions, own.n_positions, config.n_positions >= own.n_positions);
  teacher_.emplace(Parameters::Load(directory, {}, config, {}, 0, device_));
}

void Trainer::LoadData() {
  const std::filesystem::path cache =
      options_.cache.empty() ? std::filesystem::path(options_.out) / "cache" : std::filesystem::path(options_.cache);
  data_.emplace(TokenCorpus::Open(options_.data, *tokenizer_, pool_, cache));
  std::vector<size_t> training = AllDocuments(*data_);
  if (!options_.valid.empty()) {
    valid_.emplace(TokenCorpus::Open(options_.valid, *tokenizer_, pool_, cache));
    held_out_ = AllDocuments(*valid_);
  } else {
    const std::vector<bool> out = HeldOut(*data_, options_.held_out);
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i]) held_out_.push_back(i);
    }
    std::erase_if(training, [&](size_t i) { return out[i]; });
  }
  stream_.emplace(*data_, std::move(training), *tokenizer_->end_of_text(), context_, options_.seed);
}

int64_t Trainer::TokensPerStep() const { return options_.batch * options_.accumulate * context_; }

Teacher Trainer::TeacherFor(const Tensor& ids) {
  if (!teacher_) return {};
  torch::NoGradGuard no_grad;
  ForwardOptions dense;
  dense.compute = compute_;
  const Tensor hidden = Forward(*teacher_, ids, dense).hidden;
  return {hidden.view({-1, hidden.size(2)}), (*teacher_)["wte.weight"], options_.distill_share};
}

// Forward and backward of one part of the step; gradients add up, weighted so that they end as the step's mean.
double Trainer::Accumulate(const Tensor& batch, const ForwardOptions& forward, double& r_sparse) {
  const Tensor ids = batch.slice(1, 0, context_).contiguous().to(device_);
  const Tensor targets = batch.slice(1, 1, context_ + 1).contiguous().view({-1}).to(device_);
  const Teacher teacher = TeacherFor(ids);
  const ForwardResult result = Forward(*parameters_, ids, forward);
  const Tensor hidden = result.hidden.view({-1, result.hidden.size(2)});
  const Tensor loss = LmLoss(hidden, (*parameters_)["wte.weight"], targets, teacher, compute_);
  Tensor total = loss;
  if (pruning()) {
    const Tensor sparse = SparsityLoss(result.kept);
    r_sparse += sparse.item<double>() / static_cast<double>(options_.accumulate);
    total = total + *options_.gamma * sparse;
  }
  (total / static_cast<double>(options_.accumulate)).backward();
  return loss.item<double>() / static_cast<double>(options_.accumulate);
}

StepResult Trainer::Step(int64_t step, bool stop) {
  StepResult result;
  result.stop = stop;
  ForwardOptions forward;
  forward.compute = compute_;
  forward.mask = mask_;
  std::optional<SigmoidTable> sigmoid;
  if (pruning()) {
    result.alpha = options_.alpha.At(step);
    result.r_sparse = 0;
    sigmoid.emplace(result.alpha);
    forward.sigmoid = &*sigmoid;
  }
  parameters_->ZeroGradients();
  const int64_t share = options_.batch / exchange_->processes();
  for (int64_t part = 0; part < options_.accumulate; ++part) {
    const int64_t first = (step * options_.accumulate + part) * options_.batch + exchange_->rank() * share;
    result.loss += Accumulate(stream_->Read(first, share), forward, result.r_sparse);
  }
  if (exchange_->processes() > 1) {
    for (int g = 0; g < kParameterGroups; ++g)
      exchange_->Average(parameters_->FlatGradient(static_cast<ParameterGroup>(g)));
    Tensor report = torch::tensor({result.loss, result.r_sparse, stop ? 1.0 : 0.0}, torch::kDouble);
    exchange_->Average(report);
    result.loss = report[0].item<double>();
    result.r_sparse = report[1].item<double>();
    result.stop = report[2].item<double>() > 0;
  }
  if (!std::isfinite(result.loss)) {
    throw Error(ErrorCode::kInternal,
                "step " + std::to_string(step) + ": the loss is not finite; lower the learning rate");
  }
  result.gradient_norm = ClipGradients(*parameters_, options_.clip);
  const double rate = options_.schedule.At(step);
  result.lr = rate * options_.optimiser.lr;
  optimiser_->Step(step, rate);
  return result;
}

tools::Json Trainer::Evaluate(int64_t limit) {
  tools::Json json = tools::Json::object();
  const TokenCorpus& corpus = valid_ ? *valid_ : *data_;
  const std::vector<HeldOutWindow> windows =
      CutWindows(corpus, held_out_, context_, std::max<int64_t>(context_ / 2, 1), limit);
  if (windows.empty()) return json;
  ForwardOptions forward;
  forward.compute = compute_;
  const int64_t batch = std::max<int64_t>(options_.batch / exchange_->processes(), 1);
  json["context"] = context_;
  json["stride"] = std::max<int64_t>(context_ / 2, 1);
  json["windows"] = windows.size();
  json["dense"] = ToJson(finetune::Evaluate(*parameters_, corpus, windows, batch, forward));
  if (parameters_->config().int_n_embd > 0 && pruning()) {
    const SigmoidTable hard = SigmoidTable::Hard();
    forward.sigmoid = &hard;
    json["pruned"] = ToJson(finetune::Evaluate(*parameters_, corpus, windows, batch, forward));
  }
  if (mask_.defined()) {
    forward.mask = mask_;
    json["masked"] = ToJson(finetune::Evaluate(*parameters_, corpus, windows, batch, forward));
  }
  return json;
}

void Trainer::Save(int64_t finished_steps) {
  if (exchange_->rank() != 0) return;
  ModelToSave target;
  target.directory = options_.out;
  target.source = options_.base.empty() ? std::filesystem::path(options_.init_config)
                                        : std::filesystem::path(options_.base) / "config.json";
  target.tokenizer = options_.tokenizer;
  target.type = ParseWeightType(options_.dtype);
  target.adapter_only = options_.adapter_only;
  SaveModel(target, *parameters_);
  SaveState(std::filesystem::path(options_.out) / kStateFile, finished_steps, *parameters_, *optimiser_);
}

int64_t Trainer::Restore() {
  const std::filesystem::path state = std::filesystem::path(options_.out) / kStateFile;
  return std::filesystem::exists(state) ? LoadState(state, *parameters_, *optimiser_) : 0;
}

}  // namespace dcp::finetune
