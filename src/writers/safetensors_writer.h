// Writes safetensors files.
#ifndef DCP_WRITERS_SAFETENSORS_WRITER_H_
#define DCP_WRITERS_SAFETENSORS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/dtype.h"

namespace dcp {

// One tensor; the bytes are row-major, little-endian, and only borrowed.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

// The same arguments give the same bytes: tensors stand in the given order, wider types first so that each is aligned
// to its element, after a header padded to a multiple of 8. The file appears whole or not at all (OutputFile). Throws
// Error(kIo) when it cannot be written, Error(kInvalidArgument) for a name used twice, a name the format reserves, or
// bytes that are not those of the shape and type.
void WriteSafetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace dcp

#endif  // DCP_WRITERS_SAFETENSORS_WRITER_H_
