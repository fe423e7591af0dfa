#include "common/sampling_options.h"

#include "common/option_group.h"

namespace dcp::tools {

void AddSamplingOptions(const OptionGroup& add, SamplingOptions& options) {
  add("--temperature", options.temperature, "Divides the logits; default: 0, greedy", "X");
  add("--top-k", options.top_k, "Sample among the K most likely tokens; default: 0, all", "K");
  add("--top-p", options.top_p, "Sample among the fewest tokens whose probabilities sum to P; default: 1, all", "P");
}

}  // namespace dcp::tools
