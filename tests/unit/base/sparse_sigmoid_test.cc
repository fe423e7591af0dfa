#include "dcp/sparse_sigmoid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dcp/error.h"

namespace dcp {
namespace {

constexpr double kAlphas[] = {1, 1 + 1e-9, 1.000001, 1.01, 1.3, 1.5, 1.8, 2, 2.1, 2.7, 3, 3.5, 4, 6, 8, 16, 64, 1000};

double Power(double x, double a) { return x > 0 ? std::exp(a * std::log(x)) : 0; }

// p*s + H_a(p) straight from the definition.
double Objective(double p, double s, double alpha) {
  if (alpha == 1) {
    const double q = 1 - p;
    return p * s - (p > 0 ? p * std::log(p) : 0) - (q > 0 ? q * std::log(q) : 0);
  }
  return p * s + (p - Power(p, alpha) + (1 - p) - Power(1 - p, alpha)) / (alpha * (alpha - 1));
}

// The objective is concave: golden-section search needs no derivative and no algebra shared with the code under test.
double ArgmaxByBruteForce(double s, double alpha) {
  double low = 0, high = 1;
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  for (int i = 0; i < 120; ++i) {
    const double a = high - ratio * (high - low), b = low + ratio * (high - low);
    (Objective(a, s, alpha) >= Objective(b, s, alpha) ? high : low) =
        Objective(a, s, alpha) >= Objective(b, s, alpha) ? b : a;
  }
  return (low + high) / 2;
}

TEST(SparseSigmoid, MaximisesTheTsallisObjective) {
  // Only alphas at which the objective can be told apart from its neighbours in double precision.
  for (const double alpha : {1.0, 1.1, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0}) {
    for (double s = -3; s <= 3; s += 0.0517) {
      const double p = SparseSigmoid(s, alpha);
      EXPECT_NEAR(p, ArgmaxByBruteForce(s, alpha), 1e-6) << "alpha " << alpha << " s " << s;
      for (const double other : {0.0, 1.0, p - 1e-4, p + 1e-4}) {
        if (other < 0 || other > 1) continue;
        EXPECT_GE(Objective(p, s, alpha), Objective(other, s, alpha) - 1e-14) << "alpha " << alpha << " s " << s;
      }
    }
  }
}

TEST(SparseSigmoid, IsTheInverseOfItsInverse) {
  for (const double alpha : kAlphas) {
    for (int i = 1; i < 400; ++i) {
      const double p = i / 400.0;
      const double s = SparseSigmoidInverse(p, alpha);
      if (s == 0 && p != 0.5) continue;  // so steep that the scores of neighbouring p are one number
      const double slope = SparseSigmoidDerivative(s, alpha);
      const double rounding =
          4 * std::numeric_limits<double>::epsilon() * std::max(1.0, slope / std::max(alpha - 1, 1e-9));
      EXPECT_NEAR(SparseSigmoid(s, alpha), p, std::max(1e-12, rounding)) << "alpha " << alpha;
    }
  }
}

TEST(SparseSigmoid, KeepsTheRelativeAccuracyOfSmallProbabilities) {
  for (const double alpha : {1.0, 1.000001, 1.2, 1.5, 1.9}) {
    for (const double p : {1e-3, 1e-6, 1e-9}) {
      const double s = SparseSigmoidInverse(p, alpha);
      EXPECT_NEAR(SparseSigmoid(s, alpha) / p, 1, 1e-5) << "alpha " << alpha << " p " << p;
      EXPECT_NEAR(EvaluateSparseSigmoid(-s, alpha).complement / p, 1, 1e-5) << "alpha " << alpha << " p " << p;
    }
  }
}

TEST(SparseSigmoid, IsSymmetricMonotoneAndCutAtItsSupport) {
  for (const double alpha : kAlphas) {
    EXPECT_EQ(SparseSigmoid(0, alpha), 0.5);
    double last = 0;
    for (int i = -500; i <= 500; ++i) {
      const double s = 2.2 * i / 500 * std::min(SparseSigmoidSupport(alpha), 20.0);
      const SparseSigmoidPoint point = EvaluateSparseSigmoid(s, alpha);
      EXPECT_GE(point.p, last) << "alpha " << alpha << " s " << s;
      EXPECT_NEAR(point.p + SparseSigmoid(-s, alpha), 1, 1e-15);
      EXPECT_NEAR(point.p + point.complement, 1, 1e-15);
      EXPECT_EQ(point.p == 0 || point.complement == 0, std::abs(s) >= SparseSigmoidSupport(alpha))
          << "alpha " << alpha << " s " << s;
      last = point.p;
    }
  }
}

TEST(SparseSigmoid, DerivativeIsThatOfTheCurve) {
  for (const double alpha : {1.0, 1.000001, 1.2, 1.5, 1.8, 2.0, 2.3, 3.0, 4.0, 8.0}) {
    for (const double p : {0.02, 0.1, 0.3, 0.5, 0.77, 0.95}) {
      const double s = SparseSigmoidInverse(p, alpha);
      const double h = 1e-6 / SparseSigmoidDerivative(s, alpha);
      const double difference = (SparseSigmoid(s + h, alpha) - SparseSigmoid(s - h, alpha)) / (2 * h);
      EXPECT_NEAR(difference / SparseSigmoidDerivative(s, alpha), 1, 1e-5) << "alpha " << alpha << " p " << p;
    }
    if (alpha == 1) continue;
    EXPECT_EQ(SparseSigmoidDerivative(1.001 / (alpha - 1), alpha), 0);
    EXPECT_EQ(SparseSigmoidDerivative(-1.001 / (alpha - 1), alpha), 0);
  }
}

TEST(SparseSigmoid, ClosedFormsMeetTheSolver) {
  for (const double alpha : {1.5, 2.0, 3.0}) {
    for (double s = -2.5; s <= 2.5; s += 0.01) {
      EXPECT_NEAR(SparseSigmoid(s, alpha), SparseSigmoid(s, alpha + 1e-9), 1e-8) << "alpha " << alpha << " s " << s;
    }
  }
  for (double s = -30; s <= 30; s += 0.1) EXPECT_NEAR(SparseSigmoid(s, 1), SparseSigmoid(s, 1 + 1e-8), 2e-8);
}

TEST(SparseSigmoid, HardensToTheStep) {
  EXPECT_GT(SparseSigmoid(1e-3, 1001), 0.999999);
  EXPECT_LT(SparseSigmoid(-1e-3, 1001), 1e-6);
}

TEST(SparseSigmoid, RefusesWhatItCannotEvaluate) {
  EXPECT_THROW(SparseSigmoid(0, 0.99), Error);
  EXPECT_THROW(SparseSigmoid(std::nan(""), 2), Error);
  EXPECT_THROW(SparseSigmoid(0, std::nan("")), Error);
  EXPECT_THROW(SparseSigmoidInverse(1.5, 2), Error);
}

}  // namespace
}  // namespace dcp
