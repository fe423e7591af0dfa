#include "dcp-finetune/tensor_file.h"

#include "dcp/error.h"
#include "writers/safetensors_writer.h"

namespace dcp::finetune {
namespace {

DType TypeInFile(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat:
      return DType::kF32;
    case torch::kHalf:
      return DType::kF16;
    case torch::kBFloat16:
      return DType::kBF16;
    case torch::kDouble:
      return DType::kF64;
    case torch::kLong:
      return DType::kI64;
    case torch::kInt:
      return DType::kI32;
    case torch::kShort:
      return DType::kI16;
    case torch::kChar:
      return DType::kI8;
    case torch::kByte:
      return DType::kU8;
    case torch::kBool:
      return DType::kBool;
    default:
      throw Error(ErrorCode::kInternal, std::string("no safetensors file holds ") + torch::toString(type));
  }
}

}  // namespace

void WriteTensorFile(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                     const std::map<std::string, std::string>& metadata) {
  std::vector<TensorToWrite> write;
  for (const auto& [name, value] : tensors) {
    write.push_back({name,
                     TypeInFile(value.scalar_type()),
                     value.sizes().vec(),
                     {static_cast<const std::byte*>(value.data_ptr()), value.nbytes()}});
  }
  WriteSafetensors(path, write, metadata);
}

}  // namespace dcp::finetune
