#include "dcp-inspect/names.h"

#include <filesystem>

namespace dcp::tools {
namespace {

// The last folder of the path.
std::string NameOf(const std::string& directory) {
  std::filesystem::path path = std::filesystem::path(directory).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return path.filename().string();
}

}  // namespace

std::string ModelName(const ModelToolOptions& options) {
  return options.adapter.empty() ? NameOf(options.model) : NameOf(options.model) + " + " + NameOf(options.adapter);
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
