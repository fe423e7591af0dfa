#include "common/model_options.h"

#include <filesystem>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

PolicySpec ResolvePolicy(const ModelToolOptions& options, const Model& model) {
  PolicySpec spec;
  if (!options.policy.empty()) {
    spec = ParsePolicy(options.policy);
  } else if (model.has_interaction()) {
    spec.kind = PolicySpec::Kind::kLearned;
  }
  if (options.threshold) {
    if (spec.kind != PolicySpec::Kind::kLearned) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--threshold moves the decision of the learned policy, but the policy is " +
                      (options.policy.empty() ? "dense" : options.policy));
    }
    spec.threshold = *options.threshold;
  }
  spec.max_kept = options.max_kept;
  return spec;
}

}  // namespace

void AddModelOptions(CLI::App& app, ModelToolOptions& options) {
  constexpr char kModel[] = "Model";
  app.add_option("--model", options.model, "Hugging Face GPT-2 directory")->required()->type_name("DIR")->group(kModel);
  app.add_option("--adapter", options.adapter, "Adapter directory put on top of the model")
      ->type_name("DIR")
      ->group(kModel);
  app.add_option("--threads", options.threads, "Threads; default: all cores")->type_name("N")->group(kModel);
  app.add_option("--weights", options.weights, "How weights are held: f32, bf16, f16, i8; default: as stored")
      ->type_name("TYPE")
      ->group(kModel);
  app.add_option("--kv", options.kv, "How K and V are held: f32, f16; default: f32")->type_name("TYPE")->group(kModel);
  app.add_option("--seed", options.seed, "Seed of everything random; default: 0")
      ->type_name("N")
      ->check([](const std::string& value) { return value.starts_with('-') ? value + " is negative" : ""; })
      ->group(kModel);
  app.add_option("--prefill-chunk", options.prefill_chunk,
                 "Prompt tokens of one sequence that pass the layers together; smaller: lower peak memory; "
                 "default: 128")
      ->type_name("N")
      ->group(kModel);

  constexpr char kPolicy[] = "Policy";
  app.add_option("--policy", options.policy,
                 "What stays in the cache: dense, learned, window:N, sinks:S,N, strided:W,S, h2o:N (in tokens); "
                 "default: learned if the model has interaction tensors, else dense")
      ->type_name("POLICY")
      ->group(kPolicy);
  app.add_option("--threshold", options.threshold,
                 "learned: drop a token when its score is at most TAU; larger prunes more; default: 0, as trained")
      ->type_name("TAU")
      ->group(kPolicy);
  app.add_option("--max-kept", options.max_kept, "Cap on the kept tokens of every layer; default: 0, no cap")
      ->type_name("N")
      ->group(kPolicy);
}

void CheckNames(const ModelToolOptions& options) {
  if (!options.weights.empty()) ParseWeightType(options.weights);
  ParseKvType(options.kv);
  if (!options.policy.empty()) ParsePolicy(options.policy);
}

std::shared_ptr<const Model> LoadModel(const ModelToolOptions& options) {
  ModelOptions load;
  if (!options.weights.empty()) load.weights = ParseWeightType(options.weights);
  load.adapter = options.adapter;
  return Model::Load(options.model, load);
}

std::optional<Tokenizer> LoadTokenizer(const ModelToolOptions& options, const Model& model) {
  const std::filesystem::path directory = options.model;
  // One file without the other is damage, and Load says which one is missing.
  if (!std::filesystem::exists(directory / "vocab.json") && !std::filesystem::exists(directory / "merges.txt")) {
    return std::nullopt;
  }
  Tokenizer tokenizer = Tokenizer::Load(directory);
  if (tokenizer.vocab_size() > model.config().vocab_size) {
    throw Error(ErrorCode::kInvalidModel, (directory / "vocab.json").string() + ": holds " +
                                              std::to_string(tokenizer.vocab_size()) + " tokens, config.json says " +
                                              "vocab_size " + std::to_string(model.config().vocab_size));
  }
  return tokenizer;
}

const Tokenizer& NeedTokenizer(const std::optional<Tokenizer>& tokenizer, const ModelToolOptions& options,
                               const std::string& purpose) {
  if (!tokenizer) {
    throw Error(ErrorCode::kInvalidArgument,
                options.model + ": has no tokenizer (vocab.json, merges.txt), which " + purpose + " needs");
  }
  return *tokenizer;
}

SessionOptions MakeSessionOptions(const ModelToolOptions& options, const Model& model) {
  SessionOptions session;
  session.policy = MakePolicy(ResolvePolicy(options, model));
  session.kv_type = ParseKvType(options.kv);
  session.prefill_chunk = options.prefill_chunk;
  return session;
}

void CheckIds(std::span<const TokenId> ids, const Model& model, const std::string& source) {
  const int vocab = model.config().vocab_size;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < vocab) continue;
    throw Error(ErrorCode::kInvalidArgument, source + ": id " + std::to_string(ids[i]) + " at index " +
                                                 std::to_string(i) + " is outside the vocabulary, 0.." +
                                                 std::to_string(vocab - 1));
  }
}

}  // namespace dcp::tools
