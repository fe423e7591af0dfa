#include "dcp-finetune/threads.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace dcp::finetune {
namespace {

// Each entry of the product is 1e-30 * 1e-10: a float below the smallest normal one.
torch::Tensor TinyProduct(int64_t size) {
  const torch::Tensor a = torch::full({size, 1}, 1e-30f), b = torch::full({1, size}, 1e-10f);
  return at::mm(a, b);
}

TEST(Threads, DenormalsAreZeroInEveryThread) {
  ASSERT_GT(TinyProduct(8).max().item<float>(), 0);
  FlushDenormals();
  LimitThreads(4);
  EXPECT_EQ(TinyProduct(512).abs().max().item<float>(), 0);
  const torch::Tensor x = torch::full({1 << 20}, 1e-30f);
  EXPECT_EQ((x * 1e-10f).abs().max().item<float>(), 0);
  EXPECT_GT((x * 1e-5f).min().item<float>(), 0);
}

}  // namespace
}  // namespace dcp::finetune
