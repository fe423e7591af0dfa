#include "cache/layer_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/half.h"

namespace dcp {
namespace {

constexpr size_t kCapacity = 100;
constexpr SlotTracking kTracked = {.attention = true, .scores = true, .drops = true};
constexpr int32_t kFar = 1000;  // so much later slots expire unless they are made to go

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

// What LayerSlots must be equivalent to: the content and received attention of each position, and when each went.
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
    slots.Append(position, kNever, content.view());
    const size_t slot = slots.size() - 1;
    ASSERT_EQ(slots.attention()[slot], 0.0f) << "a new token has received nothing";
    ASSERT_EQ(slots.expires()[slot], kNever) << "nobody has decided about a new token";
    ASSERT_TRUE(std::isnan(slots.drop_scores()[slot]));
    slots.attention()[slot] = static_cast<float>(position) / 2;
    slots.Expire(slot, position + kFar, -static_cast<float>(position));
    model_[position] = {tag, static_cast<float>(position) / 2};
    dropped_at_.push_back(-1);
  }

  // Evicts one slot in so many, at random, at the word of token `now`; all by the same way as what expires.
  void EvictSome(LayerSlots& slots, unsigned one_in, int32_t now) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (random_() % one_in != 0) continue;
      const int32_t position = slots.positions()[i];
      slots.Expire(i, now, static_cast<float>(now));
      slots.Expire(i, now + 1, 0.0f);  // changes nothing: it goes earlier
      model_.erase(position);
      dropped_at_[static_cast<size_t>(position)] = now;
    }
    slots.EvictDue(now);
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
      ASSERT_EQ(slots.expires()[i], found->first + kFar);
      ASSERT_EQ(slots.drop_scores()[i], -static_cast<float>(found->first));
      missing.erase(found);
    }
    ASSERT_EQ(slots.drops().dropped_at, dropped_at_);
    for (size_t j = 0; j < dropped_at_.size(); ++j) {
      ASSERT_EQ(std::isnan(slots.drops().score[j]), dropped_at_[j] < 0);
      if (dropped_at_[j] < 0) continue;
      ASSERT_EQ(slots.drops().score[j], static_cast<float>(dropped_at_[j]));
    }
  }

  LayerSlots MakeSlots() { return LayerSlots(layout_, pool_, kCapacity, kTracked); }

  PageLayout layout_{2, 5, 3, GetParam()};
  PagePool pool_{layout_.page_bytes()};
  std::mt19937 random_{5};
  std::map<int32_t, Kept> model_;
  std::vector<int32_t> dropped_at_;
};

TEST_P(LayerSlotsTest, RandomAppendsAndEvictions) {
  LayerSlots slots = MakeSlots();
  int32_t position = 0;
  for (int step = 0; step < 600; ++step) {
    if (random_() % 4 != 0 && slots.size() < kCapacity) {
      Append(slots, position++);
    } else {
      EvictSome(slots, 1 + random_() % 6, position);
    }
    if (HasFatalFailure()) return;
    ExpectModel(slots);
    ASSERT_EQ(pool_.pages_in_use(), slots.page_count());
    if (HasFatalFailure()) return;
  }
}

TEST_P(LayerSlotsTest, EvictingEverythingFreesEveryPage) {
  LayerSlots slots = MakeSlots();
  for (int32_t position = 0; position < 50; ++position) Append(slots, position);
  EXPECT_EQ(pool_.pages_in_use(), 4u);
  EvictSome(slots, 1, 50);
  EXPECT_EQ(slots.size(), 0u);
  EXPECT_EQ(pool_.pages_in_use(), 0u);
}

TEST_P(LayerSlotsTest, SlotsGoWhenTheyAreDueAndNotBefore) {
  LayerSlots slots(layout_, pool_, kCapacity, {.drops = true});
  const Content content(layout_, 1);
  slots.Reserve(40);
  for (int32_t position = 0; position < 40; ++position) slots.Append(position, position + 10, content.view());
  slots.EvictDue(9);
  EXPECT_EQ(slots.size(), 40u);
  slots.EvictDue(14);
  EXPECT_EQ(slots.size(), 35u);
  slots.Expire(0, 20, 0.0f);
  slots.EvictDue(19);
  slots.EvictDue(20);
  std::vector<int32_t> expected(40, -1);
  for (int32_t position = 0; position <= 10; ++position) expected[static_cast<size_t>(position)] = position + 10;
  const auto gone = std::find(slots.drops().dropped_at.begin() + 11, slots.drops().dropped_at.end(), 20);
  ASSERT_NE(gone, slots.drops().dropped_at.end()) << "the slot that was made to go earlier";
  expected[static_cast<size_t>(gone - slots.drops().dropped_at.begin())] = 20;
  EXPECT_EQ(slots.drops().dropped_at, expected);
  for (size_t i = 0; i < slots.size(); ++i) slots.expires()[i] = 30;
  slots.ExpiriesWritten();
  slots.EvictDue(30);
  EXPECT_EQ(slots.size(), 0u);
  // In the order in which they went, also where it is made anew from the record.
  std::vector<int32_t> went;
  for (const int32_t position : slots.drop_order()) went.push_back(slots.drops().dropped_at[position]);
  EXPECT_EQ(went.size(), 40u);
  EXPECT_LE(*std::max_element(went.begin(), went.begin() + 5), 14);
  EXPECT_GT(*std::min_element(went.begin() + 5, went.end()), 14);
  LayerSlots restored(layout_, pool_, kCapacity, {.drops = true});
  restored.RestoreDrops(slots.drops());
  std::vector<int32_t> again;
  for (const int32_t position : restored.drop_order()) again.push_back(slots.drops().dropped_at[position]);
  std::sort(went.begin(), went.end());
  EXPECT_EQ(again, went);
}

TEST_P(LayerSlotsTest, ReserveHoldsPagesForAllThatIsToCome) {
  LayerSlots slots = MakeSlots();
  slots.Reserve(33);
  EXPECT_EQ(slots.page_count(), 3u);
  slots.Reserve(33);  // still the same 33
  EXPECT_EQ(pool_.pages_in_use(), 3u);
  slots.Reserve(kCapacity);
  EXPECT_EQ(pool_.pages_in_use(), 7u);
}

TEST_P(LayerSlotsTest, ACopySharesPagesAndIsApartFromItsSource) {
  LayerSlots source = MakeSlots();
  for (int32_t position = 0; position < 40; ++position) Append(source, position);
  EvictSome(source, 3, 40);
  const size_t pages = source.page_count();
  LayerSlots copy = MakeSlots();
  copy.CopyFrom(source);
  EXPECT_TRUE(std::equal(copy.positions(), copy.positions() + copy.size(), source.positions()));
  EXPECT_EQ(pool_.pages_in_use(), pages);
  EXPECT_EQ(source.shared_pages(), pages);
  for (size_t i = 0; i < 3; ++i) source.Expire(i, 41, 0.0f);
  source.EvictDue(41);  // writes to its first page, and to no other
  EXPECT_EQ(pool_.pages_in_use(), pages + 1);
  for (int32_t position = 40; position < 60; ++position) {
    source.Reserve(1);
    source.Append(position, kNever, Content(layout_, 7).view());
  }
  ExpectModel(copy);
  { const LayerSlots gone = std::move(source); }
  EXPECT_EQ(pool_.pages_in_use(), pages);
  EXPECT_EQ(copy.shared_pages(), 0u);
  ExpectModel(copy);  // its content, its attention, and nobody else's pages
}

// Copies of copies, changed and dropped at random: each stays what it is, and no page is lost or given twice.
TEST_P(LayerSlotsTest, ATreeOfCopies) {
  struct Branch {
    LayerSlots slots;
    std::map<int32_t, Kept> model;
    std::vector<int32_t> dropped_at;
  };
  std::vector<std::unique_ptr<Branch>> branches;
  branches.push_back(std::make_unique<Branch>(Branch{MakeSlots(), {}, {}}));
  for (int step = 0; step < 1500; ++step) {
    Branch& branch = *branches[random_() % branches.size()];
    std::swap(model_, branch.model);
    std::swap(dropped_at_, branch.dropped_at);
    const auto next = static_cast<int32_t>(dropped_at_.size());
    if (random_() % 8 == 0) {
      EvictSome(branch.slots, 2 + random_() % 20, next);
    } else if (static_cast<size_t>(next) < kCapacity) {
      Append(branch.slots, next);
    }
    ExpectModel(branch.slots);
    std::swap(model_, branch.model);
    std::swap(dropped_at_, branch.dropped_at);
    if (HasFatalFailure()) return;
    if (random_() % 16 == 0 && branches.size() < 6) {
      branches.push_back(std::make_unique<Branch>(Branch{MakeSlots(), branch.model, branch.dropped_at}));
      branches.back()->slots.CopyFrom(branch.slots);
    } else if (random_() % 24 == 0 && branches.size() > 1) {
      std::swap(branches[random_() % branches.size()], branches.back());
      branches.pop_back();
    }
    std::set<const std::byte*> pages;
    for (const auto& one : branches) {
      for (size_t i = 0; i < one->slots.page_count(); ++i) pages.insert(std::as_const(one->slots).page(i));
    }
    ASSERT_EQ(pool_.pages_in_use(), pages.size());
  }
  branches.clear();
  EXPECT_EQ(pool_.pages_in_use(), 0u);
  EXPECT_FALSE(pool_.sharing());
}

// The pool moves pages when most of what lay between them is given back.
TEST_P(LayerSlotsTest, PagesThatMoveKeepTheirContent) {
  PageLayout layout = layout_;
  layout.int_dim = 2048;  // pages so large that a cache of some hundred is more than the pool's first slab
  PagePool pool(layout.page_bytes());
  std::vector<LayerSlots> sets;
  std::vector<Content> contents;
  for (int i = 0; i < 300; ++i) {
    contents.emplace_back(layout, i % 50);
    sets.emplace_back(layout, pool, kCapacity, SlotTracking{});
    sets.back().Reserve(20);
    for (int32_t n = 0; n < 20; ++n) sets.back().Append(n, kFar, contents.back().view());
  }
  std::vector<LayerSlots> left;
  std::vector<Content> left_contents;
  for (size_t i = 0; i < sets.size(); i += 5) {
    left.push_back(std::move(sets[i]));
    left_contents.push_back(contents[i]);
  }
  sets.clear();
  for (int i = 0; i < 20; ++i) pool.Trim();
  ASSERT_GT(pool.moves(), 0u);
  for (size_t i = 0; i < left.size(); ++i) {
    left[i].Reserve(1);
    left[i].Append(20, kFar, left_contents[i].view());
    for (size_t slot = 0; slot < left[i].size(); ++slot) {
      ExpectSlot(layout, left[i], slot, left_contents[i]);
      EXPECT_EQ(left[i].pages().pages[slot / kPanel], left[i].page(slot / kPanel));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LayerSlotsTest, testing::Values(KvType::kF32, KvType::kF16),
                         [](const auto& test) { return std::string(ToString(test.param)); });

TEST(LayerSlots, WhatIsNotTrackedCostsNothing) {
  const PageLayout layout{1, 4, 0, KvType::kF32};
  PagePool pool(layout.page_bytes());
  LayerSlots slots(layout, pool, kCapacity, {});
  slots.Reserve(2);
  const Content content(layout, 1);
  slots.Append(0, kNever, content.view());
  slots.Append(1, kNever, content.view());
  EXPECT_EQ(slots.attention(), nullptr);
  EXPECT_EQ(slots.drop_scores(), nullptr);
  const size_t capacity = RoundUp(kCapacity, kPanel);
  const LayerSlots scoring(layout, pool, kCapacity, {.scores = true});
  const LayerSlots receiving(layout, pool, kCapacity, {.attention = true});
  const LayerSlots logging(layout, pool, kCapacity, {.drops = true});
  EXPECT_EQ(receiving.bookkeeping_bytes() - slots.bookkeeping_bytes(), capacity * sizeof(float));
  EXPECT_EQ(scoring.bookkeeping_bytes() - slots.bookkeeping_bytes(), capacity * sizeof(float));
  EXPECT_EQ(logging.bookkeeping_bytes(), slots.bookkeeping_bytes()) << "the record of drops is not part of the cache";
  slots.Expire(0, 1, 0.0f);
  slots.EvictDue(1);
  EXPECT_EQ(slots.positions()[0], 1);
  EXPECT_EQ(slots.drops().dropped_at.size(), 0u);
}

}  // namespace
}  // namespace dcp
