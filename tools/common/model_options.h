// The options that every tool with a model has, in blocks, and what is loaded by them.
#ifndef DCP_TOOLS_COMMON_MODEL_OPTIONS_H_
#define DCP_TOOLS_COMMON_MODEL_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dcp/eviction_policy.h"
#include "dcp/model.h"
#include "dcp/session.h"
#include "dcp/types.h"

namespace CLI {
class App;
}  // namespace CLI

namespace dcp::tools {

class DeclaredOption;  // common/option_group.h
class OptionGroup;
struct ToolIo;  // common/tool.h

// What the options of every tool call these.
inline constexpr char kWeightsHelp[] = "How weights are held: f32, bf16, f16, i8, i4; default: as stored";
inline constexpr char kKvHelp[] = "How K and V are held: f32, f16, i8; default: f32";
inline constexpr char kThreadsHelp[] = "Threads; default: all cores";
inline constexpr char kPolicies[] = "dense, learned, window:N, sinks:S,N, strided:W,S, h2o:N";
inline constexpr char kPolicyGrammar[] =
    "tokens, or N% of the context; @1-4,7 limits a rule to these layers, counted from 0, and + adds a rule for others, "
    "which are dense where there is none";

// Which model.
struct ModelSource {
  std::string model;    // directory
  std::string adapter;  // directory; empty: none
};

// How it runs.
struct RunOptions {
  int threads = 0;                    // 0: all cores
  std::optional<std::string> simd;    // absent: the best one
  std::optional<WeightType> weights;  // absent: the checkpoint's type
  KvType kv = KvType::kF32;
  int prefill_chunk = 128;  // tokens
  uint64_t seed = 0;
};

// What stays in its cache.
struct PolicyOptions {
  std::optional<PolicySpec> policy;  // absent: learned if the model has interaction tensors, else dense
  std::optional<float> threshold;    // of learned; absent: as trained
  int max_kept = 0;                  // 0: no cap
};

struct ModelToolOptions : ModelSource, RunOptions, PolicyOptions {};

DeclaredOption AddModelSource(const OptionGroup& add, ModelSource& options);  // --model, which need not be given
void AddRunOptions(const OptionGroup& add, RunOptions& options);              // all but the seed
void AddSimd(const OptionGroup& add, std::optional<std::string>& simd);
void AddBatch(const OptionGroup& add, size_t& batch, const std::string& what);
void AddSeed(const OptionGroup& add, uint64_t& seed, const std::string& of = "everything random");
void AddThreshold(const OptionGroup& add, std::optional<float>& threshold);
void AddMaxKept(const OptionGroup& add, int& max_kept);
void AddPolicyOptions(const OptionGroup& add, PolicyOptions& options);

// All of these, under the headings "Model" and "Policy".
void AddModelOptions(CLI::App& app, ModelToolOptions& options, bool model_required = true);

// Makes the kernels use this instruction set; absent: the best one.
void ChooseSimd(const std::optional<std::string>& simd);

// Loads it, with the instruction set asked for in use from then on, and shows what was odd about it.
std::shared_ptr<const Model> LoadModel(const ModelToolOptions& options, ToolIo& io);

// The policy that the options ask for. Throws dcp::Error(kInvalidArgument) for a threshold without a learned policy.
PolicySpec ResolvePolicy(const PolicyOptions& options, const Model& model);

// Policy, KV type and chunk; the rest is left as it is. `context`: tokens that a policy's shares are shares of; 0: the
// model's positions.
SessionOptions MakeSessionOptions(const ModelToolOptions& options, const Model& model, int context = 0);

// Throws dcp::Error(kInvalidArgument) naming `source`, the id and the vocabulary for an id outside it.
void CheckIds(std::span<const TokenId> ids, const Model& model, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_MODEL_OPTIONS_H_
