// Element types of safetensors files, and how the usable ones become float32.
#ifndef DCP_IO_DTYPE_H_
#define DCP_IO_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dcp/types.h"

namespace dcp {

// Every type of whole bytes that the format defines. Weights must be F32, F16, BF16 or F64; the rest may stand in
// a file (buffers, counters) as long as nobody asks for them.
enum class DType {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kI64,
  kU64,
  kF64,
  kC64,
};

// The name in the file: "F32", "BF16", ...
std::string_view ToString(DType dtype);

// Inverse of ToString; nullopt for a name the format does not define.
std::optional<DType> ParseDType(std::string_view name);

// Bytes of one element.
size_t ItemSize(DType dtype);

// F32, F16 and BF16 as a WeightType, and F64 as kF32, to which it is rounded; nullopt for the types that cannot hold
// weights.
std::optional<WeightType> AsWeightType(DType dtype);

// Converts out.size() elements of F32, F16, BF16 or F64, stored little-endian at any alignment, to float32. Returns the
// index of the first that is then NaN or infinite, out.size() when all are finite; everything is converted in either
// case. REQUIRES: AsWeightType(dtype), bytes.size() == out.size() * ItemSize(dtype).
size_t ConvertToFloat(DType dtype, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace dcp

#endif  // DCP_IO_DTYPE_H_
