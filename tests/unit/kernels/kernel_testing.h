// What the kernel tests share: random numbers, and every instruction set that this machine can run.
#ifndef DCP_TESTS_UNIT_KERNELS_KERNEL_TESTING_H_
#define DCP_TESTS_UNIT_KERNELS_KERNEL_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/simd_targets.h"
// The line above must come first.
#include "hwy/targets.h"

namespace dcp::kernel_testing {

// Runs the kernels with one instruction set while it lives.
class WithTarget {
 public:
  explicit WithTarget(int64_t target) { Choose(target); }
  ~WithTarget() { Choose(0); }
  WithTarget(const WithTarget&) = delete;
  WithTarget& operator=(const WithTarget&) = delete;

 private:
  static void Choose(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

// A test that runs once for each instruction set.
class EveryTarget : public testing::TestWithParam<int64_t> {
 private:
  WithTarget target_{GetParam()};
};

inline std::vector<int64_t> Targets() { return hwy::SupportedAndGeneratedTargets(); }
inline std::string NameOfTarget(const testing::TestParamInfo<int64_t>& info) { return hwy::TargetName(info.param); }

#define DCP_FOR_EVERY_TARGET(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(Targets, suite, testing::ValuesIn(dcp::kernel_testing::Targets()), \
                           dcp::kernel_testing::NameOfTarget)

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  float Uniform(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
  size_t Below(size_t n) { return static_cast<size_t>(engine_() % n); }
  std::vector<float> Vector(size_t n, float low = -1.0f, float high = 1.0f) {
    std::vector<float> values(n);
    for (float& v : values) v = Uniform(low, high);
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace dcp::kernel_testing

#endif  // DCP_TESTS_UNIT_KERNELS_KERNEL_TESTING_H_
