#include "kernels/packed_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/nibbles.h"
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

void PackNibbleBlock(const Source& source, size_t first_input, size_t first_output, std::byte* block) {
  FloatBlock x;
  for (size_t i = 0; i < kQuantBlock; ++i) {
    for (size_t o = 0; o < kPanel; ++o) x[i][o] = source.At(first_input + i, first_output + o);
  }
  PackNibbles(x, block);
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
        PackNibbleBlock(source, i, first_output, panel + i / kQuantBlock * kNibbleBlockBytes);
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
