#include "common/result_store.h"

#include <utility>

#include "common/ranks/ranks.h"
#include "common/tool.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

// The same for keys that were read and keys that were made, whatever the order of their fields.
std::string TextOf(const nlohmann::json& key) { return key.dump(); }

}  // namespace

ResultStore::ResultStore(const std::optional<std::string>& path) : path_(path) {
  if (!path_ || !Ranks::Ours().first()) return;
  file_.emplace(*path_, true);
  const std::string_view content = file_->content();
  size_t number = 0;
  for (size_t begin = 0, end = 0; begin < content.size(); begin = end + 1) {
    end = content.find('\n', begin);
    const std::string_view line = content.substr(begin, end - begin);
    const std::string source = *path_ + ":" + std::to_string(++number);
    const nlohmann::json entry = ParseJsonObject(line, source, ErrorCode::kInvalidArgument);
    if (!entry.contains("key") || !entry.contains("row")) {
      RejectInput(source + ": is not a result of dcp-eval: " + std::string(line.substr(0, 40)));
    }
    rows_[TextOf(entry["key"])] = {Json(entry["row"]), number};
  }
}

const Json* ResultStore::Find(const Json& key) const {
  const auto found = rows_.find(TextOf(key));
  return found == rows_.end() ? nullptr : &found->second.row;
}

void ResultStore::Add(const Json& key, Json row) {
  if (!file_) return;
  file_->Append(Dump(Json{{"key", key}, {"row", row}}));
  rows_[TextOf(key)] = {std::move(row), 0};
}

}  // namespace dcp::tools
