#include "cache/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/system_memory.h"
#include "dcp/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#endif

namespace dcp {
namespace {

constexpr size_t kPageBytes = 5000;  // not a multiple of the system's pages

TEST(PagePool, PagesAreWholeAlignedWritableAndApart) {
  PagePool pool(kPageBytes);
  EXPECT_GE(pool.page_bytes(), kPageBytes);
  EXPECT_LT(pool.page_bytes(), kPageBytes + SystemPageBytes());
  EXPECT_EQ(pool.page_bytes() % SystemPageBytes(), 0u);
  std::vector<CachePage*> pages;
  for (int i = 0; i < 5000; ++i) {  // more than a slab of them
    pages.push_back(pool.Take());
    ASSERT_EQ(reinterpret_cast<uintptr_t>(pages.back()->data) % SystemPageBytes(), 0u);
    std::memset(pages.back()->data, i % 251, pool.page_bytes());
  }
  for (int i = 0; i < 5000; ++i) {  // nobody wrote over anybody
    ASSERT_EQ(pages[i]->data[0], static_cast<std::byte>(i % 251));
    ASSERT_EQ(pages[i]->data[pool.page_bytes() - 1], static_cast<std::byte>(i % 251));
  }
  for (CachePage* page : pages) pool.Give(page);
}

TEST(PagePool, WhatPagesWillCostIsKnownBeforeTheyAreTaken) {
  for (const size_t page_bytes : {size_t{5000}, size_t{300000}, size_t{3} << 20}) {
    PagePool pool(page_bytes);
    std::mt19937 random(5);
    std::vector<CachePage*> held;
    for (int step = 0; step < 60; ++step) {
      const size_t more = random() % 40;
      const size_t bytes = pool.BytesWith(more);
      for (size_t i = 0; i < more; ++i) held.push_back(pool.Take());
      ASSERT_EQ(pool.reserved_bytes(), bytes) << page_bytes << " step " << step;
      std::shuffle(held.begin(), held.end(), random);
      for (size_t less = random() % 42; less > 0 && !held.empty(); --less) {
        pool.Give(held.back());
        held.pop_back();
      }
      if (random() % 2 == 0) pool.Trim();
    }
    for (CachePage* page : held) pool.Give(page);
  }
}

TEST(PagePool, CountersFollowWhatWasGivenOut) {
  PagePool pool(kPageBytes);
  std::mt19937 random(3);
  std::vector<CachePage*> held;
  size_t most = 0;  // pages are resident from the first Take until Trim
  for (int step = 0; step < 5000; ++step) {
    if (held.empty() || random() % 5 < 3) {
      held.push_back(pool.Take());
    } else {
      std::swap(held[random() % held.size()], held.back());
      pool.Give(held.back());
      held.pop_back();
    }
    most = std::max(most, held.size());
    ASSERT_EQ(pool.pages_in_use(), held.size());
    ASSERT_EQ(pool.pages_in_use() + pool.pages_free(), most);
    ASSERT_EQ(pool.reserved_bytes(), most * pool.page_bytes());
  }
  EXPECT_EQ(std::set<CachePage*>(held.begin(), held.end()).size(), held.size());
  pool.Trim();
  EXPECT_LE(pool.pages_free(), held.size() / 8);
  for (CachePage* page : held) pool.Give(page);
  pool.Trim();
  EXPECT_EQ(pool.pages_in_use(), 0u);
  EXPECT_EQ(pool.reserved_bytes(), 0u);
}

TEST(PagePool, ThreadsTakeAndGiveAtOnce) {
  PagePool pool(64);
  std::vector<std::vector<CachePage*>> kept(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kept.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        CachePage* page = pool.Take();
        *page->data = static_cast<std::byte>(t);
        if (i % 2 == 0) {
          kept[t].push_back(page);
        } else {
          pool.Give(page);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<CachePage*> all;
  for (size_t t = 0; t < kept.size(); ++t) {
    for (CachePage* page : kept[t]) EXPECT_EQ(*page->data, static_cast<std::byte>(t));
    all.insert(kept[t].begin(), kept[t].end());
  }
  EXPECT_EQ(all.size(), 4000u);
  EXPECT_EQ(pool.pages_in_use(), 4000u);
}

TEST(PagePool, ASharedPageIsFreeWhenItsLastOwnerGivesIt) {
  PagePool pool(kPageBytes);
  CachePage* page = pool.Take();
  EXPECT_FALSE(page->shared() || pool.sharing());
  pool.Share(page);
  pool.Share(page);
  EXPECT_TRUE(page->shared() && pool.sharing());
  EXPECT_EQ(pool.pages_in_use(), 1u);
  pool.Give(page);
  EXPECT_TRUE(page->shared());
  pool.Give(page);
  EXPECT_FALSE(page->shared() || pool.sharing());
  EXPECT_EQ(pool.pages_in_use(), 1u);
  pool.Give(page);
  EXPECT_EQ(pool.pages_in_use(), 0u);
  EXPECT_EQ(pool.Take(), page);
}

TEST(PagePool, OwnersGiveUpASharedPageAtOnce) {
  PagePool pool(64);
  for (int round = 0; round < 200; ++round) {
    CachePage* page = pool.Take();
    std::memset(page->data, round, 64);
    pool.Share(page);
    pool.Share(page);
    const auto write = [&pool, page, round] {  // copies while there are others
      CachePage* own = page;
      if (page->shared()) {
        own = pool.Take();
        std::memcpy(own->data, page->data, 64);
        pool.Give(page);
      }
      EXPECT_EQ(own->data[63], static_cast<std::byte>(round));
      std::memset(own->data, 255, 64);
      pool.Give(own);
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) threads.emplace_back(write);
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(pool.pages_in_use(), 0u);
  }
}

TEST(PagePool, EnsuredPagesAreFree) {
  PagePool pool(kPageBytes);
  pool.EnsureFree(10000);
  EXPECT_EQ(pool.reserved_bytes(), 0u) << "costs no memory";
  std::set<CachePage*> pages;
  for (int i = 0; i < 10000; ++i) pages.insert(pool.Take());
  EXPECT_EQ(pages.size(), 10000u);
}

TEST(PagePool, PagesThatWentBackToTheSystemAreUsableAgain) {
  PagePool pool(kPageBytes);
  for (int round = 0; round < 3; ++round) {
    std::vector<CachePage*> pages;
    for (int i = 0; i < 50; ++i) {
      pages.push_back(pool.Take());
      std::memset(pages.back()->data, 0xAB, pool.page_bytes());
    }
    for (CachePage* page : pages) pool.Give(page);
    pool.Trim();
    EXPECT_EQ(pool.reserved_bytes(), 0u);
  }
}

// Beyond the first slab memory comes in large pages.
TEST(PagePool, LargeCachesFillAUnitBeforeTheNext) {
  PagePool pool(100 << 10);
  std::vector<CachePage*> pages;
  size_t slack = 0;
  for (int i = 0; i < 2000; ++i) {
    pages.push_back(pool.Take());
    const size_t used = pool.pages_in_use() * pool.page_bytes();
    ASSERT_GE(pool.reserved_bytes(), used);
    slack = std::max(slack, pool.reserved_bytes() - used);
    ASSERT_LT(pool.reserved_bytes() - used, 3 * kLargePageBytes + used / 64);
    ASSERT_LE(pool.pages_free() * pool.page_bytes(), pool.reserved_bytes() - used);
  }
  EXPECT_GT(slack, size_t{1} << 20) << "nothing came in large pages";
  for (CachePage* page : pages) pool.Give(page);
  pool.Trim();
  EXPECT_EQ(pool.reserved_bytes(), 0u);
  EXPECT_EQ(pool.pages_free(), 0u);
}

// Takes and gives at random in waves, so that what stays lies scattered; pages keep their content wherever they go, and
// memory follows what is in use.
TEST(PagePool, ScatteredPagesAreMovedTogether) {
  PagePool pool(100 << 10);
  std::mt19937 random(7);
  std::vector<std::pair<CachePage*, int>> held;
  int tag = 0;
  for (int wave = 0; wave < 4; ++wave) {
    while (held.size() < 1500) {
      held.emplace_back(pool.Take(), ++tag);
      std::memset(held.back().first->data, tag % 251, pool.page_bytes());
    }
    pool.Share(held.front().first);
    std::shuffle(held.begin(), held.end(), random);
    const size_t keep = 50 + random() % 300;
    while (held.size() > keep) {
      while (held.back().first->shared()) pool.Give(held.back().first);
      pool.Give(held.back().first);
      held.pop_back();
    }
    const size_t moves = pool.moves();
    for (int i = 0; i < 40; ++i) pool.Trim();
    EXPECT_GT(pool.moves(), moves);
    const size_t used = held.size() * pool.page_bytes();
    EXPECT_EQ(pool.pages_in_use(), held.size());
    EXPECT_LE(pool.reserved_bytes(), used + used / 4 + 4 * kLargePageBytes);
    std::set<const std::byte*> places;
    for (const auto& [page, content] : held) {
      ASSERT_EQ(page->data[0], static_cast<std::byte>(content % 251));
      ASSERT_EQ(page->data[pool.page_bytes() - 1], static_cast<std::byte>(content % 251));
      places.insert(page->data);
    }
    EXPECT_EQ(places.size(), held.size());
  }
}

#if defined(__linux__)

bool IsResident(std::byte* page, size_t bytes) {
  std::vector<unsigned char> resident(bytes / SystemPageBytes());
  EXPECT_EQ(mincore(page, bytes, resident.data()), 0);
  return std::any_of(resident.begin(), resident.end(), [](unsigned char r) { return (r & 1) != 0; });
}

TEST(PagePool, TrimReturnsTheMemoryItSays) {
  PagePool pool(kPageBytes);
  std::vector<CachePage*> pages;
  for (int i = 0; i < 1000; ++i) {
    pages.push_back(pool.Take());
    std::memset(pages.back()->data, 1, pool.page_bytes());
    EXPECT_TRUE(IsResident(pages.back()->data, pool.page_bytes()));
  }
  const auto resident = [&] {
    return static_cast<size_t>(std::count_if(pages.begin(), pages.end(),
                                             [&](CachePage* p) { return IsResident(p->data, pool.page_bytes()); }));
  };
  for (int i = 100; i < 1000; ++i) pool.Give(pages[i]);
  EXPECT_EQ(resident(), 1000u);
  pool.Trim();
  EXPECT_LT(resident(), 120u);
  EXPECT_EQ(resident() * pool.page_bytes(), pool.reserved_bytes());
  for (int i = 0; i < 100; ++i) pool.Give(pages[i]);
  pool.Trim();
  EXPECT_EQ(resident(), 0u);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // the shadow memory does not fit a limited address space
#else
constexpr bool kSanitized = false;
#endif

size_t AddressSpaceBytes() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * SystemPageBytes();
}

// In a child: takes pages until the system refuses. 0: it ended in the right error, and the pool still works.
int ExhaustPool() {
  PagePool pool(1 << 20);
  const rlim_t limit = AddressSpaceBytes() + (size_t{100} << 20);
  const rlimit limits{limit, limit};
  if (setrlimit(RLIMIT_AS, &limits) != 0) return 1;
  std::vector<CachePage*> pages;
  pages.reserve(1000);
  try {
    while (pages.size() < 1000) pages.push_back(pool.Take());
    return 2;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kOutOfMemory) return 3;
    if (std::string(e.what()).find('\n') != std::string::npos) return 4;
  }
  if (pages.empty() || pool.pages_in_use() != pages.size()) return 5;
  CachePage* last = pages.back();
  pool.Give(last);
  return pool.Take() == last ? 0 : 6;
}

TEST(PagePool, RefusedMemoryIsAnError) {
  if (kSanitized) GTEST_SKIP() << "not under sanitizers";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(ExhaustPool());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

#endif  // __linux__

}  // namespace
}  // namespace dcp
