#include "kernels/simd_target.h"

#include <gtest/gtest.h>

#include <vector>

#include "dcp/error.h"
#include "dcp/simd.h"
#include "kernels/linear.h"
#include "tests/unit/kernels/kernel_testing.h"

namespace dcp {
namespace {

TEST(SimdTargetTest, TheBestIsInUse) {
  EXPECT_EQ(SimdTarget(), SimdTargets().front());
  EXPECT_EQ(SimdTargets().back(), "scalar");
}

TEST(SimdTargetTest, OneThatIsNotThereIsAnErrorThatChangesNothing) {
  try {
    UseSimdTarget("AVX9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    const std::string message = error.what();
    for (const std::string& target : SimdTargets()) EXPECT_NE(message.find(target), std::string::npos) << message;
    EXPECT_NE(message.find("AVX9"), std::string::npos);
  }
  EXPECT_EQ(SimdTarget(), SimdTargets().front());
}

class SimdTargetsTest : public kernel_testing::EveryTarget {};

TEST_P(SimdTargetsTest, IsInUse) {
  EXPECT_EQ(SimdTarget(), GetParam());
  EXPECT_EQ(MayUseVnni(), GetParam() == "avx512vnni");
}

// Integers are exact: every instruction set with multiply-adds finds the same product with i8 weights.
TEST_P(SimdTargetsTest, ProductsOfIntegersAreTheSame) {
  kernel_testing::Random random(3);
  constexpr size_t kIn = 32, kOut = 16;
  const std::vector<float> weights = random.Vector(kIn * kOut), x = random.Vector(kIn);
  const PackedMatrix packed = PackedMatrix::Pack(WeightType::kI8, kIn, kOut, weights.data(), false);
  LinearScratch scratch;
  ThreadPool pool(1);
  const auto product = [&] {
    AlignedBuffer<float> y(kOut);
    LinearArgs args;
    args.x = {x.data(), 1, kIn, kIn};
    args.weights = &packed;
    args.y = {y.data(), 1, kOut, kOut};
    args.scratch = &scratch;
    Linear(args, pool);
    return std::vector<float>(y.data(), y.data() + kOut);
  };
  const auto here = product();
  UseSimdTarget(SimdTargets().front());
  EXPECT_EQ(here, product());
}

DCP_FOR_EVERY_TARGET(SimdTargetsTest);

}  // namespace
}  // namespace dcp
