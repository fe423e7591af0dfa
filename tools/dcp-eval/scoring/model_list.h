// The models of a sweep: a dense control, variants with learned decisions, baselines that were fine-tuned as such.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/tool.h"
#include "dcp/eviction_policy.h"

namespace dcp::tools {

struct ModelEntry : ModelSource {
  std::optional<double> gamma;  // sparsity parameter it was trained with, where that is known

  bool SameModel(const ModelSource& other) const { return model == other.model && adapter == other.adapter; }
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
std::string ShortName(const ModelSource& entry);

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
void CheckSameTokenizer(const ModelSource& control, const ModelSource& variant);

// The models of a list as they are needed: the dense control and one other are held, so that what follows upon each
// other on the same model loads and packs it once.
class LoadedModels {
 public:
  // Loads the control, by the types of `run`, which must outlive this as `io` must, which is told what is odd.
  LoadedModels(const ModelToolOptions& run, const ModelEntry& control, ToolIo& io);

  const std::shared_ptr<const Model>& control() const { return control_; }
  std::shared_ptr<const Model> Get(const ModelEntry& entry);

 private:
  std::shared_ptr<const Model> Load(const ModelSource& source) const;

  const ModelToolOptions& run_;
  ToolIo& io_;
  ModelEntry control_entry_;
  std::shared_ptr<const Model> control_;
  ModelEntry other_entry_;
  std::shared_ptr<const Model> other_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_MODEL_LIST_H_
