// A small file makes no large allocation, whatever numbers stand in it.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "tests/allocation/failing_allocator.h"
#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::TempDir;
using reference::WriteText;

// Allocations of 1 MiB and more that `call` makes.
long LargeAllocations(const std::function<void()>& call) {
  const size_t before = allocation::smallest.exchange(size_t{1} << 20);
  const long counted = allocation::counted;
  call();
  allocation::smallest = before;
  return allocation::counted - counted;
}

TEST(SmallFile, TokensWithHighIdsTakeNoMoreMemoryThanOthers) {
  const TempDir dir;
  WriteText(dir / "vocab.json", R"({"a": 0, "b": 7, "ab": 16777215})");
  WriteText(dir / "merges.txt", "a b\n");
  WriteText(dir / "added_tokens.json", R"({"<x>": 16777213, "<y>": 3})");
  WriteText(dir / "special_tokens_map.json", R"({"eos_token": "<x>", "bos_token": "<new>"})");
  std::optional<Tokenizer> tokenizer;
  EXPECT_EQ(LargeAllocations([&] { tokenizer.emplace(Tokenizer::Load(dir.path())); }), 0);
  EXPECT_EQ(tokenizer->vocab_size(), 16777216);
  EXPECT_EQ(tokenizer->Encode("ab<x>b<y><new>"), (std::vector<TokenId>{16777215, 16777213, 7, 3, 16777214}));
  EXPECT_EQ(tokenizer->TokenBytes(16777215), "ab");
  EXPECT_EQ(tokenizer->TokenBytes(16777214), "<new>");
  EXPECT_EQ(tokenizer->TokenBytes(16777213), "<x>");
  EXPECT_EQ(tokenizer->TokenBytes(7), "b");
  EXPECT_EQ(tokenizer->TokenBytes(3), "<y>");
  for (const TokenId hole : {1, 2, 4, 6, 8, 1000000, 16777212}) EXPECT_EQ(tokenizer->TokenBytes(hole), "");
  EXPECT_TRUE(tokenizer->IsSpecial(16777213));
  EXPECT_FALSE(tokenizer->IsSpecial(3));
  EXPECT_FALSE(tokenizer->IsSpecial(-1));
  EXPECT_THROW((void)tokenizer->TokenBytes(16777216), Error);
}

}  // namespace
}  // namespace dcp
