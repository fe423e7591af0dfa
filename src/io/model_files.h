// What a directory without model.safetensors holds instead, for the message about it.
#ifndef DCP_IO_MODEL_FILES_H_
#define DCP_IO_MODEL_FILES_H_

#include <filesystem>
#include <string>

namespace dcp {

// "pytorch_model.bin is there: ..." with what to do; empty when nothing in the directory is known.
std::string OtherModelFile(const std::filesystem::path& directory);

}  // namespace dcp

#endif  // DCP_IO_MODEL_FILES_H_
