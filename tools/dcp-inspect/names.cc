#include "dcp-inspect/names.h"

#include "common/files.h"

namespace dcp::tools {

std::string ModelName(const ModelToolOptions& options) {
  return FolderName(options.model) + (options.adapter.empty() ? "" : " + " + FolderName(options.adapter));
}

Json BeginDocument(const std::string& model, const std::string& policy, int eviction_delay) {
  Json document;
  document["version"] = 1;
  document["model"] = model;
  document["policy"] = policy;
  if (eviction_delay > 0) document["eviction_delay"] = eviction_delay;
  return document;
}

}  // namespace dcp::tools
