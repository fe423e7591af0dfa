// dcp-finetune convert: whatever form of a GPT-2 can be read, as a directory of one safetensors file.
#ifndef DCP_TOOLS_DCP_FINETUNE_CONVERT_CONVERT_H_
#define DCP_TOOLS_DCP_FINETUNE_CONVERT_CONVERT_H_

#include <optional>
#include <string>

#include "common/tool.h"
#include "dcp/types.h"

namespace dcp::finetune {

struct ConvertOptions {
  std::string base;                      // Hugging Face directory: pytorch_model.bin or safetensors, whole or in shards
  std::string adapter;                   // put on top of it; empty: none
  std::string out;                       // directory to write
  std::optional<WeightType> saved_type;  // of weights; empty: the base's, F32 for what has no such type
  bool overwrite = false;                // also where `out` has a model
};

// Writes config.json, model.safetensors with names as GPT-2 has them, and the files of the tokenizer that are there.
// `out` appears whole or not at all. Throws dcp::Error. Returns kExitDone.
int Convert(const ConvertOptions& options, tools::ToolIo& io);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CONVERT_CONVERT_H_
