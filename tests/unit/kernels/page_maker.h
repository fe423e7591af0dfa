// Cache pages filled with known content, and the same content as plain arrays.
#ifndef DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_
#define DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_

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

  // As held, i.e. rounded to half where the cache holds halves.
  double k(size_t slot, size_t head, size_t d) const { return Held(k_[slot][head * layout_.head_dim + d]); }
  double v(size_t slot, size_t head, size_t d) const { return Held(v_[slot][head * layout_.head_dim + d]); }
  const std::vector<float>& k_int(size_t slot) const { return k_int_[slot]; }

 private:
  double Held(float x) const { return layout_.type == KvType::kF32 ? x : FloatFromHalf(HalfFromFloat(x)); }

  PageLayout layout_;
  size_t slots_;
  std::vector<AlignedBuffer<std::byte>> memory_;
  std::vector<std::byte*> pages_;
  std::vector<std::vector<float>> k_, v_, k_int_;
};

}  // namespace dcp::kernel_testing

#endif  // DCP_TESTS_UNIT_KERNELS_PAGE_MAKER_H_
