#include "dcp-finetune/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dcp::finetune {
namespace {

using torch::Tensor;

// Whole vectors of every instruction set, and some numbers beside them.
constexpr int64_t kWidths[] = {2, 3, 4, 7, 8, 15, 16, 17, 31, 100, 4097, 50257};

TEST(Elementwise, GeluAndItsGradientAreThoseOfTorchInDouble) {
  torch::manual_seed(3);
  for (const int64_t width : kWidths) {
    SCOPED_TRACE(width);
    const Tensor values = torch::cat({torch::linspace(-30, 30, width), torch::randn({width}) * 2});
    Tensor x = values.clone().set_requires_grad(true), exact_x = values.to(torch::kDouble).set_requires_grad(true);
    const Tensor weights = torch::randn({values.numel()});
    const Tensor y = GeluTanh(x), exact_y = torch::gelu(exact_x, "tanh");
    (y * weights).sum().backward();
    (exact_y * weights).sum().backward();
    EXPECT_LE((y - exact_y).abs().max().item<double>(), 3e-6);                // of values up to 30
    EXPECT_LE((x.grad() - exact_x.grad()).abs().max().item<double>(), 1e-5);  // times weights up to 5
  }
}

TEST(Elementwise, SoftmaxIsThatOfTorchInDouble) {
  torch::manual_seed(4);
  for (const int64_t width : kWidths) {
    SCOPED_TRACE(width);
    const Tensor logits = torch::randn({5, width}) * 10 + 100;
    logits[1] -= 300;
    logits[2][0] = -std::numeric_limits<float>::infinity();
    logits[3][width - 1] = 200;
    Tensor result = logits.clone();
    const Tensor log_sum = SoftmaxInPlace(result);
    const Tensor exact = logits.to(torch::kDouble);
    EXPECT_LE((result - at::softmax(exact, 1)).abs().max().item<double>(), 1e-6);
    EXPECT_LE((log_sum - at::logsumexp(exact, 1)).abs().max().item<double>(), 5e-5);  // of 200
  }
}

TEST(Elementwise, WhatIsNotANumberDoesNotBecomeOne) {
  Tensor logits = torch::full({1, 20}, std::numeric_limits<float>::quiet_NaN());
  const Tensor log_sum = SoftmaxInPlace(logits);
  EXPECT_FALSE(std::isfinite(log_sum[0].item<float>()) && std::isfinite(logits.sum().item<float>()));
  EXPECT_TRUE(std::isnan(GeluTanh(torch::full({3}, std::numeric_limits<float>::quiet_NaN()))[0].item<float>()));
}

}  // namespace
}  // namespace dcp::finetune
