#include "tests/reference/activation.h"

#include <cmath>
#include <numbers>

namespace dcp::reference {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

double Activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kIdentity:
      return x;
    case Activation::kGeluTanh: {
      // 1 + tanh(u) as 2 sigmoid(2 u), which keeps its digits where tanh(u) is close to -1.
      return x * Sigmoid(2.0 * std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x));
    }
    case Activation::kGelu:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case Activation::kQuickGelu:
      return x * Sigmoid(1.702 * x);
    case Activation::kSilu:
      return x * Sigmoid(x);
    case Activation::kRelu:
      return x > 0.0 ? x : 0.0;
    case Activation::kTanh:
      return std::tanh(x);
  }
  return std::nan("");
}

}  // namespace dcp::reference
