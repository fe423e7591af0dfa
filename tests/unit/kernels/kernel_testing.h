// What the kernel tests share: random numbers, and every instruction set that this machine can run.
#ifndef DCP_TESTS_UNIT_KERNELS_KERNEL_TESTING_H_
#define DCP_TESTS_UNIT_KERNELS_KERNEL_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "dcp/simd.h"

namespace dcp::kernel_testing {

// A test that runs once for each instruction set.
class EveryTarget : public testing::TestWithParam<std::string> {
 protected:
  EveryTarget() { UseSimdTarget(GetParam()); }
  ~EveryTarget() override { UseSimdTarget(SimdTargets().front()); }
};

inline std::string NameOfTarget(const testing::TestParamInfo<std::string>& info) { return info.param; }

#define DCP_FOR_EVERY_TARGET(suite) \
  INSTANTIATE_TEST_SUITE_P(Targets, suite, testing::ValuesIn(dcp::SimdTargets()), dcp::kernel_testing::NameOfTarget)

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
