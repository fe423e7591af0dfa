// Reads safetensors files.
#ifndef DCP_IO_SAFETENSORS_H_
#define DCP_IO_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/dtype.h"
#include "support/mapped_file.h"

namespace dcp {

// One tensor of a file; the bytes belong to the file's map.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  // row-major, little-endian, at any alignment
};

// A mapped and fully checked file. Immutable; moving it keeps its views alive.
class SafetensorsFile {
 public:
  // Throws Error(kIo) when the file cannot be read, Error(kInvalidModel) when it is not a valid safetensors file:
  // header length out of range, header not strict JSON, an unknown type, a shape that overflows, bytes that are not
  // those of shape and type, tensors that overlap, leave holes or do not fill the file (a truncated file says both
  // sizes).
  static SafetensorsFile Open(const std::filesystem::path& path);

  // The same for bytes that were read already. `path` is how messages name them.
  static SafetensorsFile Parse(const std::filesystem::path& path, MappedFile bytes);

  const std::filesystem::path& path() const { return path_; }

  // By name as in the file.
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }

  // As MappedFile::Forget, for the bytes of a tensor that was read.
  void Forget(const TensorView& tensor) const { file_.Forget(tensor.bytes); }

 private:
  SafetensorsFile(std::filesystem::path path, MappedFile file) : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  MappedFile file_;
  std::map<std::string, TensorView> tensors_;
};

}  // namespace dcp

#endif  // DCP_IO_SAFETENSORS_H_
