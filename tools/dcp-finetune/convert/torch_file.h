// What torch.save wrote: the tensors of a state dictionary, by name.
#ifndef DCP_TOOLS_DCP_FINETUNE_CONVERT_TORCH_FILE_H_
#define DCP_TOOLS_DCP_FINETUNE_CONVERT_TORCH_FILE_H_

#include <filesystem>
#include <vector>

#include "dcp-finetune/tensor_file.h"

namespace dcp::finetune {

// Reads both forms of torch.save: a ZIP archive (torch 1.6 and later) and a row of pickles. The file holds a dictionary
// of tensors, or a dictionary that has one under "state_dict", "model_state_dict", "model" or "module". The pickle is
// read as data (pickle.h), and refused when it names anything but what tensors are rebuilt with. Throws dcp::Error(kIo
// | kInvalidModel) in one line that begins with the path.
std::vector<NamedTensor> ReadTorchFile(const std::filesystem::path& path);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CONVERT_TORCH_FILE_H_
