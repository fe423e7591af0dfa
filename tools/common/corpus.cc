#include "common/corpus.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "common/files.h"
#include "common/json.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

// Collects documents until the wanted number of tokens is there.
class Collector {
 public:
  explicit Collector(size_t max_tokens) : left_(max_tokens != 0 ? max_tokens : std::numeric_limits<size_t>::max()) {}

  bool full() const { return left_ == 0; }

  void Add(std::string name, std::vector<TokenId> ids) {
    ids.resize(std::min(ids.size(), left_));
    left_ -= ids.size();
    documents_.push_back({std::move(name), std::move(ids)});
  }

  std::vector<Document> Take() { return std::move(documents_); }

 private:
  size_t left_;
  std::vector<Document> documents_;
};

std::vector<TokenId> IdsOfArray(const Json& array, const std::string& name) {
  std::vector<TokenId> ids;
  ids.reserve(array.size());
  for (const Json& value : array) {
    const bool is_id = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<TokenId>::max();
    if (!is_id) {
      throw Error(ErrorCode::kInvalidArgument, name + ": element " + std::to_string(ids.size()) +
                                                   " is not a token id: " + value.dump().substr(0, 40));
    }
    ids.push_back(value.get<TokenId>());
  }
  return ids;
}

}  // namespace

std::vector<std::string> TextFilesOf(const std::string& path) {
  std::error_code failed;
  if (path == "-" || !std::filesystem::is_directory(path, failed)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
    if (entry.path().extension() == ".txt" && !entry.is_directory()) files.push_back(entry.path().string());
  }
  if (failed) throw Error(ErrorCode::kIo, path + ": " + failed.message());
  if (files.empty()) throw Error(ErrorCode::kInvalidArgument, path + ": the folder holds no .txt file");
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Document> ReadTexts(const std::vector<std::string>& paths, const Tokenizer& tokenizer, size_t max_tokens,
                                ToolIo& io) {
  Collector collector(max_tokens);
  for (const std::string& path : paths) {
    for (const std::string& file : TextFilesOf(path)) {
      if (collector.full()) break;
      if (io.interrupted) throw Interrupted{};
      collector.Add(DisplayName(file), tokenizer.Encode(ReadAll(file, io)));
    }
  }
  return collector.Take();
}

std::vector<Document> ReadIdDocuments(const std::string& path, const Model& model, size_t max_tokens, ToolIo& io) {
  const std::string name = DisplayName(path);
  const Json content = ParseJson(ReadAll(path, io), name);
  if (!content.is_array()) throw Error(ErrorCode::kInvalidArgument, name + ": not a JSON array of token ids");
  Collector collector(max_tokens);
  const auto add = [&](const Json& array, const std::string& document) {
    std::vector<TokenId> ids = IdsOfArray(array, document);
    CheckIds(ids, model, document);
    if (!collector.full()) collector.Add(document, std::move(ids));
  };
  if (content.empty() || !content.front().is_array()) {
    add(content, name);
    return collector.Take();
  }
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string document = name + "[" + std::to_string(i) + "]";
    if (!content[i].is_array()) throw Error(ErrorCode::kInvalidArgument, document + ": not an array like the first");
    add(content[i], document);
  }
  return collector.Take();
}

}  // namespace dcp::tools
