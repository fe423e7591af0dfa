#include "dcp-finetune/attention_mask.h"

#include <algorithm>
#include <limits>

#include "dcp/error.h"
#include "dcp/eviction_policy.h"

namespace dcp::finetune {

torch::Tensor PolicyMask(const std::string& policy, int64_t tokens, torch::Device device) {
  const PolicySpec spec = ParsePolicy(policy);
  using Kind = PolicySpec::Kind;
  if (spec.kind != Kind::kWindow && spec.kind != Kind::kSinks && spec.kind != Kind::kStrided) {
    throw Error(ErrorCode::kInvalidArgument, "--mask \"" + policy + "\": expected window:N, sinks:S,N or strided:W,S");
  }
  const auto rule = MakePolicy(spec);
  torch::Tensor mask = torch::full({tokens, tokens}, -std::numeric_limits<float>::infinity());
  auto allowed = mask.accessor<float, 2>();
  for (int64_t j = 0; j < tokens; ++j) {
    const int64_t end = std::min<int64_t>(tokens, rule->ExpiresAt(static_cast<int32_t>(j)));
    for (int64_t n = j; n < end; ++n) allowed[n][j] = 0;
  }
  return mask.to(device);
}

}  // namespace dcp::finetune
