// Fixed attention patterns in training: the rules of dcp's position policies as a mask.
#ifndef DCP_TOOLS_DCP_FINETUNE_ATTENTION_MASK_H_
#define DCP_TOOLS_DCP_FINETUNE_ATTENTION_MASK_H_

#include <torch/types.h>

#include <string>

namespace dcp::finetune {

// "window:N", "sinks:S,N" or "strided:W,S" (see ParsePolicy) as [T, T] floats: 0 where token n (row) attends to token j
// (column), -inf elsewhere. It is made from the policy that inference runs, so both agree. Throws
// dcp::Error(kInvalidArgument) for other policies.
torch::Tensor PolicyMask(const std::string& policy, int64_t tokens, torch::Device device);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_ATTENTION_MASK_H_
