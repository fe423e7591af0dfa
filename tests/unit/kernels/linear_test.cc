#include "kernels/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tests/reference/activation.h"
#include "tests/unit/kernels/kernel_testing.h"

namespace dcp {
namespace {

using kernel_testing::EveryTarget;
using kernel_testing::Random;
using reference::kActivations;

constexpr WeightType kTypes[] = {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8,
                                 WeightType::kI4};

// A product with everything that it needs; rows of y are framed by canaries.
struct Problem {
  Problem(Random& random, WeightType type, size_t in_size, size_t out_size, size_t row_count)
      : in(in_size), out(out_size), rows(row_count), stride(RoundUp(out_size, kPanel)), x(random.Vector(rows * in)) {
    const bool out_major = random.Below(2) == 1;
    packed = PackedMatrix::Pack(type, in, out, random.Vector(in * out).data(), out_major);
    bias = random.Vector(stride);
    residual = random.Vector(rows * stride);
  }

  LinearArgs Args(AlignedBuffer<float>& y, size_t cols) const {
    LinearArgs args;
    args.x = {x.data(), rows, in, in};
    args.weights = &packed;
    args.y = {y.data(), rows, cols, stride};
    args.scratch = &scratch;
    return args;
  }

  // What rounding activations to 16 bits may add to an error, as linear.h says: half a step for each input.
  double RoundingBound(size_t row, size_t output) const {
    if (!IsQuantised(packed.type())) return 0;
    double largest = 0, weights = 0;
    std::vector<float> w(in);
    packed.CopyOutput(output, w.data());
    for (size_t i = 0; i < in; ++i) {
      largest = std::max(largest, static_cast<double>(std::abs(x[row * in + i])));
      weights += std::abs(w[i]);
    }
    return largest / 65534 * weights;
  }

  // The sums in double precision over the weights as they are held.
  std::vector<double> Expected(const LinearArgs& args) const {
    std::vector<double> y(rows * out);
    std::vector<float> w(in);
    for (size_t o = 0; o < out; ++o) {
      packed.CopyOutput(o, w.data());
      for (size_t r = 0; r < rows; ++r) {
        double sum = args.bias != nullptr ? args.bias[o] : 0.0;
        for (size_t i = 0; i < in; ++i) sum += static_cast<double>(x[r * in + i]) * w[i];
        y[r * out + o] =
            reference::Activate(args.activation, sum) + (args.residual.data != nullptr ? args.residual.row(r)[o] : 0.0);
      }
    }
    return y;
  }

  size_t in, out, rows, stride;
  std::vector<float> x, bias, residual;
  PackedMatrix packed;
  mutable LinearScratch scratch;
};

void ExpectClose(const Problem& problem, const LinearArgs& args) {
  const std::vector<double> expected = problem.Expected(args);
  constexpr double kSteepest = 1.13;
  const double summing = 1e-6 * (1.0 + static_cast<double>(problem.in) / 4);
  for (size_t r = 0; r < problem.rows; ++r) {
    for (size_t c = 0; c < args.y.cols; ++c) {
      const double tolerance = summing + kSteepest * problem.RoundingBound(r, c);
      ASSERT_NEAR(args.y.row(r)[c], expected[r * problem.out + c], tolerance)
          << ToString(problem.packed.type()) << " in " << problem.in << " out " << problem.out << " row " << r << " of "
          << problem.rows << " column " << c;
    }
  }
}

class LinearTest : public EveryTarget {
 protected:
  Random random_{7};
  ThreadPool pool_{2};
};

TEST_P(LinearTest, AgreesWithDoublePrecision) {
  for (const WeightType type : kTypes) {
    for (int round = 0; round < 60; ++round) {
      const Problem problem(random_, type, 1 + random_.Below(70), 1 + random_.Below(70), 1 + random_.Below(60));
      AlignedBuffer<float> y(problem.rows * problem.stride);
      LinearArgs args = problem.Args(y, problem.out);
      if (round % 2 == 1) args.bias = problem.bias.data();
      if (round % 3 == 1) args.activation = kActivations[random_.Below(std::size(kActivations))];
      if (round % 5 > 2) args.residual = {problem.residual.data(), problem.rows, problem.out, problem.stride};
      Linear(args, pool_);
      ExpectClose(problem, args);
      if (HasFatalFailure()) return;
    }
  }
}

// Activations that 16 bits hold lose nothing on the way to i8 and i4 weights, in whichever group of inputs they are.
TEST_P(LinearTest, IntegersAreAsGoodAsFloatForActivationsThat16BitsHold) {
  for (const WeightType type : {WeightType::kI8, WeightType::kI4})
    for (const size_t in : {1, 31, 33, 384, 385, 900}) {
      for (const size_t rows : {1, 5, 50}) {
        Problem problem(random_, type, in, 40, rows);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t i = 0; i < in; ++i) {
            const auto step = static_cast<double>(i % kActivationGroup == 0 ? 32767 : random_.Below(65535)) - 32767.0;
            const auto largest = static_cast<double>(1 + (r + i / kActivationGroup) % 3);
            problem.x[r * in + i] = static_cast<float>((step == 0 ? 32767.0 : step) * largest / 32767.0);
          }
        }
        AlignedBuffer<float> y(rows * problem.stride);
        const LinearArgs args = problem.Args(y, problem.out);
        Linear(args, pool_);
        const std::vector<double> expected = problem.Expected(args);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t c = 0; c < 40; ++c) {
            ASSERT_NEAR(args.y.row(r)[c], expected[r * 40 + c], 2e-6 * (3.0 + static_cast<double>(in) / 4))
                << in << " inputs, row " << r << " of " << rows;
          }
        }
      }
    }
}

// More inputs than one block of them, with sums parked in y between blocks.
TEST_P(LinearTest, AgreesForLongSums) {
  for (const WeightType type : kTypes) {
    for (const size_t in : {383, 384, 385, 519, 800, 1600}) {
      for (const size_t rows : {1, 6, 7, 20}) {
        const Problem problem(random_, type, in, 37, rows);
        AlignedBuffer<float> y(rows * problem.stride);
        LinearArgs args = problem.Args(y, problem.out);
        args.bias = problem.bias.data();
        Linear(args, pool_);
        ExpectClose(problem, args);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(LinearTest, PartialColumnsLeaveOtherPanelsAlone) {
  for (const size_t cols : {1, 15, 16, 17, 40, 64}) {
    const Problem problem(random_, WeightType::kF32, 19, 70, 9);
    AlignedBuffer<float> y(problem.rows * problem.stride);
    std::fill(y.data(), y.data() + y.size(), 123.0f);
    const LinearArgs args = problem.Args(y, cols);
    Linear(args, pool_);
    ExpectClose(problem, args);
    for (size_t r = 0; r < problem.rows; ++r) {
      for (size_t c = RoundUp(cols, kPanel); c < problem.stride; ++c) ASSERT_EQ(args.y.row(r)[c], 123.0f);
    }
  }
}

// A row's result is the same whatever rows lie beside it and however many threads work.
TEST_P(LinearTest, ARowDependsOnItselfAloneBitForBit) {
  ThreadPool one(1), four(4);
  for (const WeightType type : kTypes) {
    const Problem problem(random_, type, 301, 150, 60);
    AlignedBuffer<float> alone(60 * problem.stride), together(60 * problem.stride);
    LinearArgs single = problem.Args(alone, problem.out);
    single.bias = problem.bias.data();
    single.activation = Activation::kGeluTanh;
    LinearArgs many = single;
    for (size_t r = 0; r < 60; ++r) {
      single.x = problem.Args(alone, problem.out).x.Rows(r, 1);
      single.y = Matrix{alone.data(), 60, problem.out, problem.stride}.Rows(r, 1);
      Linear(single, one);
    }
    for (size_t rows = 1; rows <= 60; ++rows) {
      for (ThreadPool* pool : {&one, &pool_, &four}) {
        many.x = problem.Args(alone, problem.out).x.Rows(60 - rows, rows);
        many.y = {together.data(), rows, problem.out, problem.stride};
        Linear(many, *pool);
        ASSERT_TRUE(std::equal(together.data(), together.data() + rows * problem.stride,
                               alone.data() + (60 - rows) * problem.stride))
            << ToString(type) << ", " << rows << " rows, " << pool->threads() << " threads";
      }
    }
  }
}

// Applies an activation to numbers, by way of a product with 1.
std::vector<float> ActivateAll(Activation activation, const std::vector<float>& x, ThreadPool& pool) {
  const float unit = 1.0f;
  const PackedMatrix identity = PackedMatrix::Pack(WeightType::kF32, 1, 1, &unit, false);
  std::vector<float> padded(x.size() * kPanel), y(x.size());
  LinearScratch scratch;
  Linear({.x = {x.data(), x.size(), 1, 1},
          .weights = &identity,
          .activation = activation,
          .residual = {},
          .y = {padded.data(), x.size(), 1, kPanel},
          .scratch = &scratch},
         pool);
  for (size_t i = 0; i < x.size(); ++i) y[i] = padded[i * kPanel];
  return y;
}

TEST_P(LinearTest, ActivationsOverTheirWholeRange) {
  std::vector<float> x;
  for (double value = -9.5; value < 30; value += 0.01) x.push_back(static_cast<float>(value));
  for (const Activation activation : kActivations) {
    const std::vector<float> y = ActivateAll(activation, x, pool_);
    for (size_t i = 0; i < x.size(); ++i) {
      const double expected = reference::Activate(activation, x[i]);
      const double error = std::abs(y[i] - expected);
      ASSERT_LE(error, 1e-6 * std::max(1.0, std::abs(static_cast<double>(x[i]))))
          << ToString(activation) << " " << x[i];
      // Small results are not lost in the rounding of larger numbers.
      ASSERT_LE(error, std::abs(expected) * 1e-5 + 1e-38) << ToString(activation) << " of " << x[i];
    }
  }
}

TEST_P(LinearTest, ActivationsOfExtremes) {
  for (const Activation activation : kActivations) {
    const auto of = [&](float x) { return ActivateAll(activation, {x}, pool_)[0]; };
    const std::string_view name = ToString(activation);
    const bool odd = activation == Activation::kTanh || activation == Activation::kIdentity;
    EXPECT_EQ(of(0.0f), 0.0f) << name;
    for (const float x : {100.0f, 1000.0f, 1e20f}) {
      const float expected = activation == Activation::kTanh ? 1.0f : x;
      EXPECT_EQ(of(x), expected) << name;
      EXPECT_NEAR(of(-x), odd ? -expected : 0.0f, std::max(1e-20f, x * 1e-33f)) << name;
    }
    EXPECT_TRUE(std::isnan(of(std::numeric_limits<float>::quiet_NaN()))) << name;
  }
}

TEST_P(LinearTest, NoRowsNoWork) {
  const Problem problem(random_, WeightType::kF32, 5, 5, 1);
  AlignedBuffer<float> y(problem.stride);
  LinearArgs args = problem.Args(y, 5);
  args.x.rows = args.y.rows = 0;
  Linear(args, pool_);
  EXPECT_EQ(y[0], 0.0f);
}

DCP_FOR_EVERY_TARGET(LinearTest);

}  // namespace
}  // namespace dcp
