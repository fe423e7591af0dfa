#include "dcp/sparse_sigmoid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "dcp/error.h"

namespace dcp {
namespace {

// Below this distance from 1 the logistic sigmoid is within 1e-12 of sigma_a, and the powers lose their meaning.
constexpr double kLogisticBelow = 1e-12;
constexpr int kMaxIterations = 200;

void CheckArguments(double value, double alpha) {
  if (!(alpha >= 1)) {
    throw Error(ErrorCode::kInvalidArgument, "sparse sigmoid: alpha is " + std::to_string(alpha) + ", must be >= 1");
  }
  if (std::isnan(value)) throw Error(ErrorCode::kInvalidArgument, "sparse sigmoid: the argument is not a number");
}

// (x^b - 1) / b without cancellation for small b.
double PowerMinusOne(double log_x, double b) { return std::expm1(b * log_x) / b; }

// s(p) for 0 < p < 1, b = alpha - 1.
double Inverse(double p, double b) { return PowerMinusOne(std::log(p), b) - PowerMinusOne(std::log1p(-p), b); }

// A start near the root for s in (-1/b, 0): exact where one of the two powers is negligible.
double Guess(double s, double b) {
  const double edge = 1 + b * s;
  if (b > 2) return -std::expm1(std::log(-b * s) / b);
  if (b >= 1) return edge / 2;
  return std::exp(std::log1p(b * s) / b);
}

// Root p in (0, 1/2) of s(p) = s for s in (-1/b, 0). The unknown is log p, so that tiny p keep their relative accuracy;
// a Newton step that leaves the bracket becomes a bisection.
double SolveLowerHalf(double s, double b) {
  double low = -745;  // exp of anything less is 0
  double high = std::log(0.5);
  double y = std::log(std::clamp(Guess(s, b), std::numeric_limits<double>::min(), 0.5));
  for (int i = 0; i < kMaxIterations; ++i) {
    const double p = std::exp(y);
    const double excess = Inverse(p, b) - s;
    if (excess == 0) break;
    (excess > 0 ? high : low) = y;
    const double slope = std::exp(b * y) + p * std::exp((b - 1) * std::log1p(-p));
    double next = y - excess / slope;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    const bool converged = std::abs(next - y) <= 1e-15 * std::max(1.0, std::abs(y));
    y = next;
    if (converged) break;
  }
  return std::exp(y);
}

double LowerHalf(double s, double b) {
  if (b < kLogisticBelow) return std::exp(s) / (1 + std::exp(s));
  if (s <= -1 / b) return 0;
  if (b == 1 || b == 2) return (1 + b * s) / 2;
  if (b == 0.5) {
    const double m = (1 - s / 2) * (1 + s / 2);  // 2 sqrt(p (1-p))
    return m * m / (2 * (1 - s / 2 * std::sqrt(2 - s * s / 4)));
  }
  return SolveLowerHalf(s, b);
}

double Derivative(double p, double complement, double b) {
  if (b < kLogisticBelow) return p * complement;
  if (p <= 0) return 0;
  return 1 / (std::pow(p, b - 1) + std::pow(complement, b - 1));
}

}  // namespace

SparseSigmoidPoint EvaluateSparseSigmoid(double s, double alpha) {
  CheckArguments(s, alpha);
  const double b = alpha - 1;
  const double lower = s == 0 ? 0.5 : LowerHalf(-std::abs(s), b);
  SparseSigmoidPoint point;
  point.p = s > 0 ? 1 - lower : lower;
  point.complement = s > 0 ? lower : 1 - lower;
  point.derivative = Derivative(lower, 1 - lower, b);
  return point;
}

double SparseSigmoid(double s, double alpha) { return EvaluateSparseSigmoid(s, alpha).p; }

double SparseSigmoidDerivative(double s, double alpha) { return EvaluateSparseSigmoid(s, alpha).derivative; }

double SparseSigmoidInverse(double p, double alpha) {
  CheckArguments(p, alpha);
  if (p < 0 || p > 1) {
    throw Error(ErrorCode::kInvalidArgument, "sparse sigmoid: p is " + std::to_string(p) + ", must be in [0, 1]");
  }
  if (p == 0) return -SparseSigmoidSupport(alpha);
  if (p == 1) return SparseSigmoidSupport(alpha);
  if (alpha - 1 < kLogisticBelow) return std::log(p) - std::log1p(-p);
  return Inverse(p, alpha - 1);
}

double SparseSigmoidSupport(double alpha) {
  CheckArguments(0, alpha);
  return alpha > 1 ? 1 / (alpha - 1) : std::numeric_limits<double>::infinity();
}

}  // namespace dcp
