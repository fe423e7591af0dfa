#include "kernels/packed_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "support/half.h"

namespace dcp {
namespace {

// The weights to pack, whichever way round they are stored.
struct Source {
  const float* data;
  size_t input_stride;
  size_t output_stride;
  size_t in;
  size_t out;

  float At(size_t i, size_t o) const { return i < in && o < out ? data[i * input_stride + o * output_stride] : 0.0f; }
};

size_t PanelBytes(WeightType type, size_t in) {
  switch (type) {
    case WeightType::kF32:
      return in * kPanel * sizeof(float);
    case WeightType::kBF16:
    case WeightType::kF16:
      return in * kPanel * sizeof(uint16_t);
    case WeightType::kI8:
      return DivideUp(in, kQuantBlock) * kQuantBlockBytes;
    case WeightType::kI4:
      return DivideUp(in, kQuantBlock) * kNibbleBlockBytes;
  }
  return 0;
}

void QuantizeBlock(const Source& source, size_t first_input, size_t first_output, std::byte* block) {
  float* scales = reinterpret_cast<float*>(block);
  int8_t* values = reinterpret_cast<int8_t*>(block + kPanel * sizeof(float));
  for (size_t lane = 0; lane < kPanel; ++lane) {
    float largest = 0.0f;
    for (size_t i = 0; i < kQuantBlock; ++i) {
      largest = std::max(largest, std::abs(source.At(first_input + i, first_output + lane)));
    }
    const float scale = largest / 127.0f;
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    scales[lane] = scale;
    for (size_t i = 0; i < kQuantBlock; ++i) {
      const float scaled = std::nearbyint(source.At(first_input + i, first_output + lane) * inverse);
      values[QuantIndex(i, lane)] = static_cast<int8_t>(std::clamp(scaled, -127.0f, 127.0f));
    }
  }
}

// One block of a panel as it is given, [input][output], so that loops over the outputs are vectors.
using BlockOfFloats = float[kQuantBlock][kPanel];

// To the nearest whole number, halves to the even one; |x| < 2^22. nearbyint is a call for each.
float Rounded(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: no room for fractions
  return (x + kShift) - kShift;
}

// Scales as they are tried for i4, as divisions of the value of largest magnitude: what it becomes. The first keeps
// weights that i4 holds exactly; the others find, where the rest of the block is small, a scale that suits it better.
constexpr float kLargestBecomes[] = {-8.0f, 7.0f, -7.5f, -8.5f, 7.5f, -9.0f, -7.0f, 8.0f};

// For each output, the scale of those tried, each refined to that of least squares and rounded to half, whose sum of
// squared errors is least.
void FindNibbleScales(const BlockOfFloats& x, float (&best)[kPanel]) {
  constexpr float kLargestHalf = 65504.0f;
  constexpr float kSmallest = 1e-30f;  // the inverse of less would overflow
  float extreme[kPanel] = {}, least[kPanel];
  std::fill(least, least + kPanel, std::numeric_limits<float>::infinity());
  std::fill(best, best + kPanel, 0.0f);
  for (const auto& row : x) {
    for (size_t o = 0; o < kPanel; ++o) extreme[o] = std::abs(row[o]) > std::abs(extreme[o]) ? row[o] : extreme[o];
  }
  for (const float becomes : kLargestBecomes) {
    float inverse[kPanel], products[kPanel] = {}, squares[kPanel] = {}, errors[kPanel] = {}, scale[kPanel];
    for (size_t o = 0; o < kPanel; ++o) inverse[o] = std::abs(extreme[o]) < kSmallest ? 0.0f : becomes / extreme[o];
    const auto level = [&](size_t i, size_t o) {
      return Rounded(std::min(std::max(x[i][o] * inverse[o], -8.0f), 7.0f));
    };
    for (size_t i = 0; i < kQuantBlock; ++i) {
      for (size_t o = 0; o < kPanel; ++o) {
        const float q = level(i, o);
        products[o] += q * x[i][o];
        squares[o] += q * q;
      }
    }
    for (size_t o = 0; o < kPanel; ++o) {
      const float exact = squares[o] > 0.0f ? products[o] / squares[o] : 0.0f;
      scale[o] = FloatFromHalf(HalfFromFloat(std::clamp(exact, -kLargestHalf, kLargestHalf)));
    }
    for (size_t i = 0; i < kQuantBlock; ++i) {
      for (size_t o = 0; o < kPanel; ++o) {
        const float error = x[i][o] - scale[o] * level(i, o);
        errors[o] += error * error;
      }
    }
    for (size_t o = 0; o < kPanel; ++o) {
      if (!(errors[o] < least[o])) continue;
      least[o] = errors[o];
      best[o] = scale[o];
    }
  }
}

void PackNibbles(const Source& source, size_t first_input, size_t first_output, std::byte* block) {
  BlockOfFloats x;
  for (size_t i = 0; i < kQuantBlock; ++i) {
    for (size_t o = 0; o < kPanel; ++o) x[i][o] = source.At(first_input + i, first_output + o);
  }
  float scale[kPanel];
  FindNibbleScales(x, scale);
  auto* scales = reinterpret_cast<uint16_t*>(block);
  auto* words = reinterpret_cast<uint16_t*>(block + kPanel * sizeof(uint16_t));
  for (size_t o = 0; o < kPanel; ++o) scales[o] = HalfFromFloat(scale[o]);
  std::fill(words, words + kQuantBlock * kPanel / kNibbles, uint16_t{0});
  for (size_t i = 0; i < kQuantBlock; ++i) {
    for (size_t o = 0; o < kPanel; ++o) {
      const float q = scale[o] == 0.0f ? 0.0f : Rounded(std::min(std::max(x[i][o] / scale[o], -8.0f), 7.0f));
      const unsigned nibble = static_cast<unsigned>(static_cast<int>(q)) & 15u;
      words[NibbleWord(i, o)] = static_cast<uint16_t>(words[NibbleWord(i, o)] | nibble << NibbleShift(i));
    }
  }
}

template <typename T, typename Convert>
void PackPanel(const Source& source, size_t first_output, std::byte* panel, Convert convert) {
  T* out = reinterpret_cast<T*>(panel);
  for (size_t i = 0; i < source.in; ++i) {
    for (size_t lane = 0; lane < kPanel; ++lane) out[i * kPanel + lane] = convert(source.At(i, first_output + lane));
  }
}

void PackPanel(WeightType type, const Source& source, size_t first_output, std::byte* panel) {
  switch (type) {
    case WeightType::kF32:
      return PackPanel<float>(source, first_output, panel, [](float x) { return x; });
    case WeightType::kBF16:
      return PackPanel<uint16_t>(source, first_output, panel, BF16FromFloat);
    case WeightType::kF16:
      return PackPanel<uint16_t>(source, first_output, panel, HalfFromFloat);
    case WeightType::kI8:
      for (size_t i = 0; i < source.in; i += kQuantBlock) {
        QuantizeBlock(source, i, first_output, panel + i / kQuantBlock * kQuantBlockBytes);
      }
      break;
    case WeightType::kI4:
      for (size_t i = 0; i < source.in; i += kQuantBlock) {
        PackNibbles(source, i, first_output, panel + i / kQuantBlock * kNibbleBlockBytes);
      }
  }
}

}  // namespace

PackedMatrix PackedMatrix::Pack(WeightType type, size_t in, size_t out, const float* weights, bool out_major) {
  PackedMatrix packed;
  packed.type_ = type;
  packed.in_ = in;
  packed.out_ = out;
  packed.panel_bytes_ = PanelBytes(type, in);
  packed.data_ = AlignedBuffer<std::byte>(packed.panels() * packed.panel_bytes_);
  const Source source{weights, out_major ? 1 : out, out_major ? in : 1, in, out};
  for (size_t p = 0; p < packed.panels(); ++p) {
    PackPanel(type, source, p * kPanel, packed.data_.data() + p * packed.panel_bytes_);
  }
  return packed;
}

void PackedMatrix::CopyOutput(size_t output, float* out) const {
  const std::byte* base = panel(output / kPanel);
  const size_t lane = output % kPanel;
  const auto* floats = reinterpret_cast<const float*>(base);
  const auto* halves = reinterpret_cast<const uint16_t*>(base);
  for (size_t i = 0; i < in_; ++i) {
    switch (type_) {
      case WeightType::kF32:
        out[i] = floats[i * kPanel + lane];
        break;
      case WeightType::kBF16:
        out[i] = FloatFromBF16(halves[i * kPanel + lane]);
        break;
      case WeightType::kF16:
        out[i] = FloatFromHalf(halves[i * kPanel + lane]);
        break;
      case WeightType::kI8: {
        const std::byte* block = base + i / kQuantBlock * kQuantBlockBytes;
        const float scale = reinterpret_cast<const float*>(block)[lane];
        const auto* values = reinterpret_cast<const int8_t*>(block + kPanel * sizeof(float));
        out[i] = scale * static_cast<float>(values[QuantIndex(i % kQuantBlock, lane)]);
        break;
      }
      case WeightType::kI4: {
        const std::byte* block = base + i / kQuantBlock * kNibbleBlockBytes;
        const float scale = FloatFromHalf(reinterpret_cast<const uint16_t*>(block)[lane]);
        const auto* words = reinterpret_cast<const uint16_t*>(block + kPanel * sizeof(uint16_t));
        out[i] = scale * static_cast<float>(NibbleOf(words[NibbleWord(i % kQuantBlock, lane)], i));
        break;
      }
    }
  }
}

}  // namespace dcp
