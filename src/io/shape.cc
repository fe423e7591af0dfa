#include "io/shape.h"

#include <limits>

namespace dcp {

std::string ShapeToString(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::optional<uint64_t> ByteCount(std::span<const int64_t> shape, size_t item_size) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  uint64_t bytes = item_size;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size > 0 && bytes > kMax / static_cast<uint64_t>(size)) return std::nullopt;
    bytes *= static_cast<uint64_t>(size);
  }
  return bytes;
}

}  // namespace dcp
