// Tensors of torch in safetensors files.
#ifndef DCP_TOOLS_DCP_FINETUNE_TENSOR_FILE_H_
#define DCP_TOOLS_DCP_FINETUNE_TENSOR_FILE_H_

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dcp::finetune {

struct NamedTensor {
  std::string name;
  torch::Tensor value;  // contiguous, on the CPU
};

// Writes them in the types that they have, see WriteSafetensors(). Throws dcp::Error.
void WriteTensorFile(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                     const std::map<std::string, std::string>& metadata = {});

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TENSOR_FILE_H_
