// Cache pages filled with known content, and the same content as plain arrays.
#ifndef DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_
#define DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/slot_pages.h"
#include "support/half.h"
#include "tests/unit/kernels/kernel_testing.h"

namespace dcp::kernel_testing {

// `slots` random slots. Lanes that hold no slot are NaN, so that whoever reads them is found out.
class PageMaker {
 public:
  PageMaker(Random& random, const PageLayout& layout, size_t slots) : layout_(layout), slots_(slots) {
    const size_t c = layout.heads * layout.head_dim;
    for (size_t p = 0; p < DivideUp(slots, kPanel); ++p) {
      memory_.emplace_back(layout.page_bytes());
      std::memset(memory_.back().data(), 0xFF, layout.page_bytes());
      pages_.push_back(memory_.back().data());
    }
    for (size_t j = 0; j < slots; ++j) {
      k_.push_back(random.Vector(c, -2, 2));
      v_.push_back(random.Vector(c, -2, 2));
      k_int_.push_back(random.Vector(layout.int_dim, -2, 2));
      WriteSlot(layout_, pages_[j / kPanel], j % kPanel, {k_[j].data(), v_[j].data(), k_int_[j].data()});
    }
  }
  PageMaker(const PageMaker&) = delete;
  PageMaker& operator=(const PageMaker&) = delete;

  SlotPages pages() const { return {&layout_, pages_.data(), slots_}; }

  // As held, i.e. rounded to half or to 8 bits where the cache holds such.
  double k(size_t slot, size_t head, size_t d) const { return Held(k_[slot], head, d); }
  double v(size_t slot, size_t head, size_t d) const { return Held(v_[slot], head, d); }
  const std::vector<float>& k_int(size_t slot) const { return k_int_[slot]; }

 private:
  double Held(const std::vector<float>& row, size_t head, size_t d) const {
    const float* x = row.data() + head * layout_.head_dim;
    if (layout_.type == KvType::kF32) return x[d];
    if (layout_.type == KvType::kF16) return FloatFromHalf(HalfFromFloat(x[d]));
    float largest = 0;
    for (size_t i = 0; i < layout_.head_dim; ++i) largest = std::max(largest, std::abs(x[i]));
    const float scale = largest / 127.0f;
    return scale * static_cast<double>(std::nearbyint(x[d] * (1.0f / scale)));
  }

  PageLayout layout_;
  size_t slots_;
  std::vector<AlignedBuffer<std::byte>> memory_;
  std::vector<std::byte*> pages_;
  std::vector<std::vector<float>> k_, v_, k_int_;
};

}  // namespace dcp::kernel_testing

#endif  // DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_
