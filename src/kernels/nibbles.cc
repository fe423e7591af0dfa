#include "kernels/nibbles.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "support/half.h"
#include "support/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nibbles.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dcp {
namespace HWY_NAMESPACE {
namespace {

// No multiply-add here: where it is missing, sums would differ.

// What the weight of largest magnitude becomes, as scales are tried. The first is right for weights that 4 bits hold;
// the others find, where the rest of the block is small, a scale that suits it better.
constexpr float kLargestBecomes[] = {-8.0f, 7.0f, -7.5f, -8.5f, 7.5f, -9.0f, -7.0f, 8.0f};

HWY_INLINE FloatVec ToLevel(FloatVec x) {
  return hn::Round(hn::Min(hn::Max(x, hn::Set(kFloats, -8.0f)), hn::Set(kFloats, 7.0f)));
}

// The nearest halves.
HWY_INLINE FloatVec ToHalves(FloatVec x) {
  const FloatVec limit = hn::Set(kFloats, 65504.0f);
  HWY_ALIGN float lanes[kLanes];
  StoreFloats(hn::Min(hn::Max(x, hn::Neg(limit)), limit), lanes);
  for (float& lane : lanes) lane = FloatFromHalf(HalfFromFloat(lane));
  return LoadFloats(lanes);
}

// The scales of outputs [lane, lane + kLanes).
FloatVec FindScales(const FloatBlock& x, size_t lane) {
  const FloatVec smallest = hn::Set(kFloats, 1e-30f);  // the inverse of less would overflow
  FloatVec extreme = hn::Zero(kFloats);
  for (const auto& row : x) {
    const FloatVec xi = LoadFloats(row + lane);
    extreme = hn::IfThenElse(hn::Gt(hn::Abs(xi), hn::Abs(extreme)), xi, extreme);
  }
  const auto usable = hn::Ge(hn::Abs(extreme), smallest);
  FloatVec best = hn::Zero(kFloats);
  FloatVec least = hn::Set(kFloats, std::numeric_limits<float>::infinity());
  for (const float becomes : kLargestBecomes) {
    const FloatVec inverse = hn::IfThenElseZero(usable, hn::Div(hn::Set(kFloats, becomes), extreme));
    FloatVec levels[kQuantBlock];
    FloatVec products = hn::Zero(kFloats), squares = hn::Zero(kFloats), errors = hn::Zero(kFloats);
    for (size_t i = 0; i < kQuantBlock; ++i) {
      const FloatVec xi = LoadFloats(x[i] + lane);
      levels[i] = ToLevel(hn::Mul(xi, inverse));
      products = hn::Add(products, hn::Mul(levels[i], xi));
      squares = hn::Add(squares, hn::Mul(levels[i], levels[i]));
    }
    // That of least squares for these levels.
    const auto some = hn::Gt(squares, hn::Zero(kFloats));
    const FloatVec scale = ToHalves(hn::IfThenElseZero(some, hn::Div(products, squares)));
    for (size_t i = 0; i < kQuantBlock; ++i) {
      const FloatVec error = hn::Sub(LoadFloats(x[i] + lane), hn::Mul(scale, levels[i]));
      errors = hn::Add(errors, hn::Mul(error, error));
    }
    const auto better = hn::Lt(errors, least);
    best = hn::IfThenElse(better, scale, best);
    least = hn::IfThenElse(better, errors, least);
  }
  return best;
}

void PackNibblesImpl(const FloatBlock& x, std::byte* block) {
  HWY_ALIGN float scales[kPanel];
  HWY_ALIGN int32_t nibbles[kQuantBlock][kPanel];
  for (size_t lane = 0; lane < kPanel; lane += kLanes) {
    const FloatVec scale = FindScales(x, lane);
    StoreFloats(scale, scales + lane);
    const auto some = hn::Ne(scale, hn::Zero(kFloats));
    for (size_t i = 0; i < kQuantBlock; ++i) {
      const FloatVec level = ToLevel(hn::IfThenElseZero(some, hn::Div(LoadFloats(x[i] + lane), scale)));
      hn::StoreU(hn::NearestInt(hn::Add(level, hn::Set(kFloats, 8.0f))), kInts, nibbles[i] + lane);
    }
  }
  auto* halves = reinterpret_cast<uint16_t*>(block);
  for (size_t lane = 0; lane < kPanel; ++lane) halves[lane] = HalfFromFloat(scales[lane]);
  uint16_t* words = halves + kPanel;
  std::fill(words, words + kQuantBlock * kPanel / kNibbles, uint16_t{0});
  for (size_t i = 0; i < kQuantBlock; ++i) {
    for (size_t lane = 0; lane < kPanel; ++lane) {
      uint16_t& word = words[NibbleWord(i, lane)];
      word = static_cast<uint16_t>(word | static_cast<unsigned>(nibbles[i][lane]) << NibbleShift(i));
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace dcp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dcp {
namespace {

HWY_EXPORT(PackNibblesImpl);

}  // namespace

void PackNibbles(const FloatBlock& x, std::byte* block) { HWY_DYNAMIC_DISPATCH(PackNibblesImpl)(x, block); }

}  // namespace dcp
#endif  // HWY_ONCE
