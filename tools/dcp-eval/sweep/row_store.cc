#include "dcp-eval/sweep/row_store.h"

#include <filesystem>
#include <sstream>

#include "common/files.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

// The same for keys that were read and keys that were made, whatever the order of their fields.
std::string TextOf(const nlohmann::json& key) { return key.dump(); }

}  // namespace

RowStore::RowStore(const std::optional<std::string>& path, ToolIo& io) : path_(path) {
  if (!path_) return;
  { const OutputFile writable(*path_); }  // known before hours of work
  if (!std::filesystem::exists(*path_)) return;
  lines_ = ReadAll(*path_, io);
  std::istringstream lines(lines_);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string source = *path_ + ":" + std::to_string(++number);
    const nlohmann::json entry = ParseJsonObject(line, source, ErrorCode::kInvalidArgument);
    SweepRow probe;
    try {
      MeasuredFromJson(entry.at("row"), probe);
      rows_.emplace_back(TextOf(entry.at("key")), entry.at("row"));
    } catch (const nlohmann::json::exception&) {
      RejectInput(source + ": is not a row of a sweep: " + line.substr(0, 40));
    }
  }
  if (!lines_.empty() && lines_.back() != '\n') lines_ += '\n';
}

bool RowStore::Find(const Json& key, SweepRow& row) const {
  const std::string text = TextOf(key);
  for (const auto& [stored, measured] : rows_) {
    if (stored != text) continue;
    MeasuredFromJson(measured, row);
    return true;
  }
  return false;
}

void RowStore::Add(const Json& key, const SweepRow& row) {
  if (!path_) return;
  const Json measured = MeasuredToJson(row);
  rows_.emplace_back(TextOf(key), measured);
  lines_ += Dump(Json{{"key", key}, {"row", measured}});
  OutputFile(*path_).Commit(lines_);
}

}  // namespace dcp::tools
