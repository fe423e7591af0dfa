// Arithmetic and printing of tensor shapes.
#ifndef DCP_IO_SHAPE_H_
#define DCP_IO_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace dcp {

// "[64, 768]"; "[]" for a scalar.
std::string ShapeToString(std::span<const int64_t> shape);

// Bytes of a dense tensor; nullopt when a dimension is negative or the number does not fit 63 bits.
std::optional<uint64_t> ByteCount(std::span<const int64_t> shape, size_t item_size);

}  // namespace dcp

#endif  // DCP_IO_SHAPE_H_
