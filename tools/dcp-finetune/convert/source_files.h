// Files of PyTorch in a model directory, made readable as safetensors.
#ifndef DCP_TOOLS_DCP_FINETUNE_CONVERT_SOURCE_FILES_H_
#define DCP_TOOLS_DCP_FINETUNE_CONVERT_SOURCE_FILES_H_

#include <filesystem>
#include <vector>

namespace dcp::finetune {

// The files of torch.save that hold the weights of `directory`, where it has no safetensors: pytorch_model.bin, the
// shards of pytorch_model.bin.index.json, or the only other .bin, .pt or .pth file; for an adapter of PEFT
// adapter_model.bin. Empty: it has safetensors, or nothing. Throws dcp::Error, also when there are several to choose
// from.
std::vector<std::filesystem::path> TorchFilesOf(const std::filesystem::path& directory);

// Writes the tensors of `files`, as they are, and the configs of `directory` to the new directory `to`. Throws
// dcp::Error.
void MakeReadable(const std::filesystem::path& directory, const std::vector<std::filesystem::path>& files,
                  const std::filesystem::path& to);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CONVERT_SOURCE_FILES_H_
