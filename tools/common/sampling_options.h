// The options that say how the next token is chosen. A setting that joins SamplingOptions becomes an option of every
// tool that generates by one line in sampling_options.cc; SamplingOptions::Validate says which values it may have, for
// the command line and for every other way in. The seed is an option of its own (RunOptions).
#ifndef DCP_TOOLS_COMMON_SAMPLING_OPTIONS_H_
#define DCP_TOOLS_COMMON_SAMPLING_OPTIONS_H_

#include "dcp/sampler.h"

namespace dcp::tools {

class OptionGroup;  // common/option_group.h

void AddSamplingOptions(const OptionGroup& add, SamplingOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_SAMPLING_OPTIONS_H_
