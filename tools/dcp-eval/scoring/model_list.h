// The models of a sweep: a dense control, variants with learned decisions, baselines that were fine-tuned as such.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/option_group.h"
#include "common/tool.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

struct ModelEntry {
  std::string model;            // directory
  std::string adapter;          // directory; empty: none
  std::optional<double> gamma;  // sparsity parameter it was trained with, where that is known

  bool SameModel(const ModelEntry& other) const { return model == other.model && adapter == other.adapter; }
};

// As given on the command line: a manifest, or models and adapters.
struct ModelListOptions {
  std::string manifest;
  std::vector<std::string> models;
  std::vector<std::string> adapters;  // on the one model, or one for each model ("-": none)
  std::string dense_model;            // empty: the first model
  std::string dense_adapter;
};
void AddModelList(const OptionGroup& add, ModelListOptions& models);

// A model that was fine-tuned under a fixed policy, and is measured under it.
struct TunedBaseline {
  ModelEntry model;
  PolicySpec policy;
};

struct ModelList {
  ModelEntry control;
  std::vector<ModelEntry> variants;
  std::vector<TunedBaseline> baselines;
};

// For tables and plots: the last part of the directory's name, and of the adapter's.
std::string ShortName(const ModelEntry& entry);

// Throws dcp::Error(kInvalidArgument) naming the file and the field, or the options, that cannot be used.
ModelList ReadModelList(const ModelListOptions& options, ToolIo& io);

// A manifest's text; its paths are relative to the folder of `file`:
//   {"dense_control": {"model": "DIR", "adapter": null},
//    "sweep": [{"gamma": x, "model": "DIR", "adapter": "DIR"}, ..],
//    "baselines": [{"policy": "window:256", "model": "DIR", "adapter": null}, ..]}
// "baselines" may be absent. Other fields are left to other readers.
ModelList ParseManifest(const std::string& text, const std::string& file);

// Throws dcp::Error(kInvalidArgument) when `variant` has a tokenizer, and another one than the control: their
// perplexities could not be compared.
void CheckSameTokenizer(const ModelEntry& control, const ModelEntry& variant, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_
