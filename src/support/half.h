// Scalar conversions between float32 and the two 16-bit formats; rounding to nearest, ties to even.
#ifndef DCP_SUPPORT_HALF_H_
#define DCP_SUPPORT_HALF_H_

#include <bit>
#include <cstdint>

namespace dcp {

inline float FloatFromBF16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// REQUIRES: not NaN.
inline uint16_t BF16FromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

// The bits of the float; exact for all 65536 patterns, NaN included. Branch-free, so that loops over it vectorise.
inline uint32_t FloatBitsFromHalf(uint32_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = half & 0x7C00u;
  const uint32_t magnitude = (half & 0x7FFFu) << 13;
  constexpr uint32_t kRebias = (127u - 15u) << 23;
  // A subnormal m * 2^-24 is (1 + m * 2^-10) * 2^-14 - 2^-14, exactly.
  constexpr uint32_t kSmallestNormal = kRebias + (1u << 23);
  const float subnormal =
      std::bit_cast<float>(kSmallestNormal + magnitude) - std::bit_cast<float>(uint32_t{kSmallestNormal});
  const uint32_t normal = magnitude + kRebias + (exponent == 0x7C00u ? kRebias : 0u);
  return sign | (exponent == 0 ? std::bit_cast<uint32_t>(subnormal) : normal);
}

inline float FloatFromHalf(uint16_t bits) { return std::bit_cast<float>(FloatBitsFromHalf(bits)); }

// REQUIRES: not NaN. Values beyond the largest half become infinite.
inline uint16_t HalfFromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // rounds to infinity
  if (magnitude < 0x38800000) {                       // below 2^-14: adding 0.5 leaves the subnormal in the low bits
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(shifted) - 0x3F000000);
  }
  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

}  // namespace dcp

#endif  // DCP_SUPPORT_HALF_H_
