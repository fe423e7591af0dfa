// The options that every tool with a model has, and what is loaded by them.
#ifndef DCP_TOOLS_COMMON_MODEL_OPTIONS_H_
#define DCP_TOOLS_COMMON_MODEL_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dcp/eviction_policy.h"
#include "dcp/model.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp::tools {

// As given on the command line; empty strings and absent values mean the defaults that --help states.
struct ModelToolOptions {
  std::string model;
  std::string adapter;
  int threads = 0;      // 0: all cores
  std::string weights;  // empty: the checkpoint's type
  std::string kv = "f32";
  uint64_t seed = 0;
  int prefill_chunk = 128;  // tokens
  std::string policy;       // empty: learned if the model has interaction tensors, else dense
  std::optional<float> threshold;
  int max_kept = 0;  // 0: no cap
};

void AddModelOptions(CLI::App& app, ModelToolOptions& options);

// Throws dcp::Error(kInvalidArgument) for names that do not exist, before anything is loaded.
void CheckNames(const ModelToolOptions& options);

std::shared_ptr<const Model> LoadModel(const ModelToolOptions& options);

// The tokenizer of the model's directory; nothing when it has none of a tokenizer's files. Throws dcp::Error when they
// are damaged, or hold more tokens than the model.
std::optional<Tokenizer> LoadTokenizer(const ModelToolOptions& options, const Model& model);

// Throws dcp::Error(kInvalidArgument) saying what a tokenizer is needed for when there is none.
const Tokenizer& NeedTokenizer(const std::optional<Tokenizer>& tokenizer, const ModelToolOptions& options,
                               const std::string& purpose);

// Policy, KV type and chunk; the rest is left as it is.
SessionOptions MakeSessionOptions(const ModelToolOptions& options, const Model& model);

// Throws dcp::Error(kInvalidArgument) naming `source`, the id and the vocabulary for an id outside it.
void CheckIds(std::span<const TokenId> ids, const Model& model, const std::string& source);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_MODEL_OPTIONS_H_
