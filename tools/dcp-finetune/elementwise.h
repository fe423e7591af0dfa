// What stands between the products of a step, fused: torch has these functions too, in two to five passes over memory
// and with two tangents or exponentials where one will do.
#ifndef DCP_TOOLS_DCP_FINETUNE_ELEMENTWISE_H_
#define DCP_TOOLS_DCP_FINETUNE_ELEMENTWISE_H_

#include <torch/types.h>

namespace dcp::finetune {

// gelu_new of x, differentiable: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). On the CPU, in float, the forward
// pass finds the derivative with the same exponential and keeps it instead of x.
torch::Tensor GeluTanh(const torch::Tensor& x);

// Turns the rows of logits [n, V] into their softmax, in place; returns log sum exp [n]. Not differentiable.
torch::Tensor SoftmaxInPlace(torch::Tensor& logits);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_ELEMENTWISE_H_
