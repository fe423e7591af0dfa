// How pages, pictures and documents name what they show.
#ifndef DCP_TOOLS_DCP_INSPECT_NAMES_H_
#define DCP_TOOLS_DCP_INSPECT_NAMES_H_

#include <string>

#include "common/json.h"
#include "common/model_options.h"

namespace dcp::tools {

// The model's name as pages tell it: folders without the path to them, which concerns nobody else.
std::string ModelName(const ModelToolOptions& options);

// {"version": 1, "model", "policy"}, and "eviction_delay" where it is not 0: how every document begins.
Json BeginDocument(const std::string& model, const std::string& policy, int eviction_delay);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_NAMES_H_
