#include "common/model_options.h"

#include <algorithm>
#include <filesystem>

#include "common/hub_cache.h"
#include "common/option_group.h"
#include "common/tool.h"
#include "dcp/error.h"
#include "dcp/simd.h"

namespace dcp::tools {
namespace {

std::string SimdChoices() {
  std::string choices;
  for (const std::string& name : SimdTargets()) choices += (choices.empty() ? "" : ", ") + name;
  return choices;
}

}  // namespace

DeclaredOption AddModelSource(const OptionGroup& add, ModelSource& options) {
  const DeclaredOption model = add("--model", options.model, "Hugging Face GPT-2 directory", "DIR", SnapshotOf);
  add("--adapter", options.adapter, "Adapter directory put on top of the model: interaction tensors, or LoRA of PEFT",
      "DIR", SnapshotOf);
  return model;
}

void AddRunOptions(const OptionGroup& add, RunOptions& options) {
  add("--threads", options.threads, kThreadsHelp, "N");
  AddSimd(add, options.simd);
  add("--weights", options.weights, kWeightsHelp, "TYPE", ParseWeightType);
  add("--kv", options.kv, kKvHelp, "TYPE", ParseKvType);
  add("--prefill-chunk", options.prefill_chunk,
      "Tokens of one sequence that pass the layers together; smaller: lower peak memory; default: 128", "N");
}

void AddSimd(const OptionGroup& add, std::optional<std::string>& simd) {
  add("--simd", simd,
      "Instruction set, for tests and timing: " + SimdChoices() +
          " (those that this build and this processor have); default: the first",
      "TARGET", [](const std::string& text) {
        const auto& targets = SimdTargets();
        if (std::find(targets.begin(), targets.end(), text) == targets.end()) {
          RejectValue(text, "is not an instruction set that this build and this processor have: " + SimdChoices());
        }
        return text;
      });
}

void AddBatch(const OptionGroup& add, size_t& batch, const std::string& what) {
  add("--batch", batch, what + " that run together; changes speed and memory only; default: " + std::to_string(batch),
      "N", AtLeast(size_t{1}));
}

void AddSeed(const OptionGroup& add, uint64_t& seed, const std::string& of) {
  add("--seed", seed, "Seed of " + of + "; default: 0", "N");
}

void AddThreshold(const OptionGroup& add, std::optional<float>& threshold) {
  add("--threshold", threshold,
      "learned: drop a token when its score is at most TAU; larger prunes more; default: 0, as trained", "TAU");
}

void AddMaxKept(const OptionGroup& add, int& max_kept) {
  add("--max-kept", max_kept, "Cap on the kept tokens of every layer; default: 0, no cap", "N");
}

void AddPolicyOptions(const OptionGroup& add, PolicyOptions& options) {
  add("--policy", options.policy,
      std::string("What stays in the cache: ") + kPolicies + " (" + kPolicyGrammar +
          "); default: learned if the model has interaction tensors, else dense",
      "POLICY", ParsePolicy);
  AddThreshold(add, options.threshold);
  AddMaxKept(add, options.max_kept);
}

void AddModelOptions(CLI::App& app, ModelToolOptions& options, bool model_required) {
  const OptionGroup add(app, "Model");
  const DeclaredOption model = AddModelSource(add, options);
  if (model_required) model.Required();
  AddRunOptions(add, options);
  AddSeed(add, options.seed);
  AddPolicyOptions(OptionGroup(app, "Policy"), options);
}

void ChooseSimd(const std::optional<std::string>& simd) { UseSimdTarget(simd.value_or(SimdTargets().front())); }

std::shared_ptr<const Model> LoadModel(const ModelToolOptions& options, ToolIo& io) {
  ChooseSimd(options.simd);
  Warnings warnings;
  auto model = Model::Load(options.model, ModelOptions{options.weights, options.adapter, &warnings});
  ShowWarnings(warnings, io);
  return model;
}

PolicySpec ResolvePolicy(const PolicyOptions& options, const Model& model) {
  PolicySpec spec;
  if (options.policy) {
    spec = *options.policy;
  } else if (model.has_interaction()) {
    spec.kind = PolicySpec::Kind::kLearned;
  }
  if (options.threshold) {
    if (!spec.Has(PolicySpec::Kind::kLearned)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--threshold moves the decision of the learned policy, but the policy is " +
                      MakePolicy(spec, model.config().n_positions)->name());
    }
    spec.threshold = *options.threshold;
  }
  spec.max_kept = options.max_kept;
  return spec;
}

SessionOptions MakeSessionOptions(const ModelToolOptions& options, const Model& model, int context) {
  SessionOptions session;
  session.policy = MakePolicy(ResolvePolicy(options, model), context > 0 ? context : model.config().n_positions);
  session.kv_type = options.kv;
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
