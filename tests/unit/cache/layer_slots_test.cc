#include "cache/layer_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "support/half.h"

namespace dcp {
namespace {

constexpr size_t kCapacity = 100;
constexpr SlotTracking kTracked = {true, true};

// Content that tells slots, kinds and columns apart; all of it exact in half.
struct Content {
  Content(const PageLayout& layout, int tag) {
    for (size_t c = 0; c < layout.heads * layout.head_dim; ++c) {
      k.push_back(static_cast<float>(tag) + static_cast<float>(c) / 16);
      v.push_back(-k.back());
    }
    for (size_t r = 0; r < layout.int_dim; ++r) k_int.push_back(static_cast<float>(tag) * 1000 + static_cast<float>(r));
  }
  SlotContent view() const { return {k.data(), v.data(), k_int.data()}; }

  std::vector<float> k, v, k_int;
};

float ElementAt(const PageLayout& layout, const std::byte* base, size_t index) {
  return layout.type == KvType::kF32 ? reinterpret_cast<const float*>(base)[index]
                                     : FloatFromHalf(reinterpret_cast<const uint16_t*>(base)[index]);
}

// Reads a slot by the layout that slot_pages.h documents.
void ExpectSlot(const PageLayout& layout, const LayerSlots& slots, size_t slot, const Content& expected) {
  const std::byte* page = slots.page(slot / kPanel);
  const size_t lane = slot % kPanel, d = layout.head_dim, padded = RoundUp(d, kPanel);
  const size_t k_elements = layout.heads * d * kPanel, v_elements = layout.heads * padded * kPanel;
  for (size_t h = 0; h < layout.heads; ++h) {
    for (size_t i = 0; i < d; ++i) {
      ASSERT_EQ(ElementAt(layout, page, (h * d + i) * kPanel + lane), expected.k[h * d + i]);
      ASSERT_EQ(ElementAt(layout, page, k_elements + (h * kPanel + lane) * padded + i), expected.v[h * d + i]);
    }
  }
  const auto* k_int = reinterpret_cast<const float*>(page + (k_elements + v_elements) * layout.element_bytes());
  for (size_t r = 0; r < layout.int_dim; ++r) ASSERT_EQ(k_int[r * kPanel + lane], expected.k_int[r]);
}

// What LayerSlots must be equivalent to: the content and received attention of each position.
class LayerSlotsTest : public testing::TestWithParam<KvType> {
 protected:
  struct Kept {
    int tag;
    float attention;
  };

  void Append(LayerSlots& slots, int32_t position) {
    const int tag = static_cast<int>(random_() % 100);
    const Content content(layout_, tag);
    slots.Reserve(1);
    slots.Append(position, content.view());
    ASSERT_EQ(slots.attention()[slots.size() - 1], 0.0f) << "a new token has received nothing";
    slots.attention()[slots.size() - 1] = static_cast<float>(position) / 2;
    ASSERT_EQ(slots.expires()[slots.size() - 1], kNever) << "nobody has decided about a new token";
    ASSERT_TRUE(std::isnan(slots.drop_scores()[slots.size() - 1]));
    slots.expires()[slots.size() - 1] = position + 5;
    slots.drop_scores()[slots.size() - 1] = -static_cast<float>(position);
    model_[position] = {tag, static_cast<float>(position) / 2};
  }

  void EvictSome(LayerSlots& slots, unsigned one_in) {
    std::vector<Eviction> evictions;
    for (uint32_t i = 0; i < slots.size(); ++i) {
      if (random_() % one_in != 0) continue;
      evictions.push_back({i});
      model_.erase(slots.positions()[i]);
    }
    slots.Evict(evictions);
  }

  void ExpectModel(const LayerSlots& slots) {
    ASSERT_EQ(slots.size(), model_.size());
    ASSERT_EQ(slots.page_count(), DivideUp(slots.size(), kPanel));
    std::map<int32_t, Kept> missing = model_;
    for (size_t i = 0; i < slots.size(); ++i) {
      const auto found = missing.find(slots.positions()[i]);
      ASSERT_NE(found, missing.end()) << "position " << slots.positions()[i];
      ExpectSlot(layout_, slots, i, Content(layout_, found->second.tag));
      ASSERT_EQ(slots.attention()[i], found->second.attention);
      ASSERT_EQ(slots.expires()[i], found->first + 5);
      ASSERT_EQ(slots.drop_scores()[i], -static_cast<float>(found->first));
      missing.erase(found);
    }
    ASSERT_EQ(pool_.pages_in_use(), slots.page_count());
  }

  PageLayout layout_{2, 5, 3, GetParam()};
  PagePool pool_{layout_.page_bytes()};
  std::mt19937 random_{5};
  std::map<int32_t, Kept> model_;
};

TEST_P(LayerSlotsTest, RandomAppendsAndEvictions) {
  LayerSlots slots(layout_, pool_, kCapacity, kTracked);
  int32_t position = 0;
  for (int step = 0; step < 600; ++step) {
    if (random_() % 4 != 0 && slots.size() < kCapacity) {
      Append(slots, position++);
    } else {
      EvictSome(slots, 1 + random_() % 6);
    }
    if (HasFatalFailure()) return;
    ExpectModel(slots);
    if (HasFatalFailure()) return;
  }
}

TEST_P(LayerSlotsTest, EvictingEverythingFreesEveryPage) {
  LayerSlots slots(layout_, pool_, kCapacity, kTracked);
  for (int32_t position = 0; position < 50; ++position) Append(slots, position);
  EXPECT_EQ(pool_.pages_in_use(), 4u);
  EvictSome(slots, 1);
  EXPECT_EQ(slots.size(), 0u);
  EXPECT_EQ(pool_.pages_in_use(), 0u);
}

TEST_P(LayerSlotsTest, ReserveHoldsPagesForAllThatIsToCome) {
  LayerSlots slots(layout_, pool_, kCapacity, kTracked);
  slots.Reserve(33);
  EXPECT_EQ(slots.page_count(), 3u);
  slots.Reserve(33);  // still the same 33
  EXPECT_EQ(pool_.pages_in_use(), 3u);
  slots.Reserve(kCapacity);
  EXPECT_EQ(pool_.pages_in_use(), 7u);
}

TEST_P(LayerSlotsTest, ACopyIsApartFromItsSource) {
  LayerSlots source(layout_, pool_, kCapacity, kTracked);
  for (int32_t position = 0; position < 40; ++position) Append(source, position);
  EvictSome(source, 3);
  LayerSlots copy(layout_, pool_, kCapacity, kTracked);
  copy.CopyFrom(source);
  EXPECT_TRUE(std::equal(copy.positions(), copy.positions() + copy.size(), source.positions()));
  EXPECT_EQ(pool_.pages_in_use(), source.page_count() + copy.page_count());
  source.Evict(std::vector<Eviction>{{0}, {1}, {2}});
  for (int32_t position = 40; position < 60; ++position) {
    source.Reserve(1);
    source.Append(position, Content(layout_, 7).view());
  }
  { const LayerSlots gone = std::move(source); }
  ExpectModel(copy);  // its content, its attention, and nobody else's pages
}

INSTANTIATE_TEST_SUITE_P(Types, LayerSlotsTest, testing::Values(KvType::kF32, KvType::kF16),
                         [](const auto& test) { return std::string(ToString(test.param)); });

TEST(LayerSlots, WhatIsNotTrackedCostsNothing) {
  const PageLayout layout{1, 4, 0, KvType::kF32};
  PagePool pool(layout.page_bytes());
  LayerSlots slots(layout, pool, kCapacity, {});
  slots.Reserve(2);
  const Content content(layout, 1);
  slots.Append(0, content.view());
  slots.Append(1, content.view());
  EXPECT_EQ(slots.attention(), nullptr);
  EXPECT_EQ(slots.expires(), nullptr);
  EXPECT_EQ(slots.drop_scores(), nullptr);
  const size_t capacity = RoundUp(kCapacity, kPanel);
  const LayerSlots expiring(layout, pool, kCapacity, {.expiry = true});
  const LayerSlots receiving(layout, pool, kCapacity, {.attention = true});
  EXPECT_EQ(receiving.bookkeeping_bytes() - slots.bookkeeping_bytes(), capacity * sizeof(float));
  EXPECT_EQ(expiring.bookkeeping_bytes() - slots.bookkeeping_bytes(), capacity * (sizeof(int32_t) + sizeof(float)));
  slots.Evict(std::vector<Eviction>{{0}});
  EXPECT_EQ(slots.positions()[0], 1);
}

}  // namespace
}  // namespace dcp
