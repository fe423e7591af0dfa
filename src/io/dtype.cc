#include "io/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "support/half.h"

namespace dcp {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is read in place as little-endian");

struct Row {
  DType dtype;
  std::string_view name;
  size_t item_size;
};

constexpr Row kRows[] = {
    {DType::kBool, "BOOL", 1},      {DType::kU8, "U8", 1},          {DType::kI8, "I8", 1},
    {DType::kF8E5M2, "F8_E5M2", 1}, {DType::kF8E4M3, "F8_E4M3", 1}, {DType::kF8E8M0, "F8_E8M0", 1},
    {DType::kI16, "I16", 2},        {DType::kU16, "U16", 2},        {DType::kF16, "F16", 2},
    {DType::kBF16, "BF16", 2},      {DType::kI32, "I32", 4},        {DType::kU32, "U32", 4},
    {DType::kF32, "F32", 4},        {DType::kI64, "I64", 8},        {DType::kU64, "U64", 8},
    {DType::kF64, "F64", 8},        {DType::kC64, "C64", 8},
};

const Row& RowOf(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

// Loads Bits, widens with `widen` to the bits of a float, and finds the first pattern whose exponent is all ones. Works
// in blocks: whether a block has a bad value is an OR that vectorises, which one is only asked when there is one.
template <typename Bits, typename Widen>
size_t ConvertBlocks(std::span<const std::byte> bytes, std::span<float> out, Widen widen) {
  constexpr size_t kBlock = 1024;
  constexpr uint32_t kExponent = 0x7f800000u;
  size_t first_bad = out.size();
  std::array<Bits, kBlock> raw;
  for (size_t begin = 0; begin < out.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, out.size() - begin);
    std::memcpy(raw.data(), bytes.data() + begin * sizeof(Bits), count * sizeof(Bits));
    float* const to = out.data() + begin;
    uint32_t bad = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t bits = widen(raw[i]);
      bad |= (bits & kExponent) == kExponent ? 1u : 0u;
      to[i] = std::bit_cast<float>(bits);
    }
    if (bad != 0 && first_bad == out.size()) {
      const auto finite = [](float value) { return std::isfinite(value); };
      first_bad = begin + static_cast<size_t>(std::find_if_not(to, to + count, finite) - to);
    }
  }
  return first_bad;
}

}  // namespace

std::string_view ToString(DType dtype) { return RowOf(dtype).name; }

std::optional<DType> ParseDType(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

size_t ItemSize(DType dtype) { return RowOf(dtype).item_size; }

std::optional<WeightType> AsWeightType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kF64:
      return WeightType::kF32;
    case DType::kF16:
      return WeightType::kF16;
    case DType::kBF16:
      return WeightType::kBF16;
    default:
      return std::nullopt;
  }
}

size_t ConvertToFloat(DType dtype, std::span<const std::byte> bytes, std::span<float> out) {
  switch (dtype) {
    case DType::kF16:
      return ConvertBlocks<uint16_t>(bytes, out, [](uint32_t bits) { return FloatBitsFromHalf(bits); });
    case DType::kBF16:
      return ConvertBlocks<uint16_t>(bytes, out, [](uint32_t bits) { return bits << 16; });
    case DType::kF64:
      return ConvertBlocks<uint64_t>(bytes, out, [](uint64_t bits) {
        return std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
      });
    default:
      return ConvertBlocks<uint32_t>(bytes, out, [](uint32_t bits) { return bits; });
  }
}

}  // namespace dcp
