#include "common/corpus.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "common/files.h"
#include "common/option_group.h"
#include "dcp/error.h"
#include "support/json.h"

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

}  // namespace

std::vector<size_t> LengthsOf(std::span<const Document> documents) {
  std::vector<size_t> lengths;
  for (const Document& document : documents) lengths.push_back(document.ids.size());
  return lengths;
}

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

CLI::Option* AddTexts(const OptionGroup& add, std::vector<std::string>& texts) {
  return add.Each("--text", texts,
                  "A text file (- is stdin), or a folder of .txt files; each file is a document; may be repeated",
                  "PATH");
}

std::vector<Document> ReadTexts(const std::vector<std::string>& paths, const Tokenizer& tokenizer, const Model& model,
                                size_t max_tokens, ToolIo& io) {
  Collector collector(max_tokens);
  for (const std::string& path : paths) {
    for (const std::string& file : TextFilesOf(path)) {
      if (collector.full()) break;
      if (io.interrupted) throw Interrupted{};
      std::vector<TokenId> ids = tokenizer.Encode(ReadAll(file, io));
      CheckIds(ids, model, DisplayName(file));
      collector.Add(DisplayName(file), std::move(ids));
    }
  }
  return collector.Take();
}

std::vector<Document> ReadIdDocuments(const std::string& path, const Model& model, size_t max_tokens, ToolIo& io) {
  const std::string name = DisplayName(path);
  const nlohmann::json content = dcp::ParseJson(ReadAll(path, io), name, ErrorCode::kInvalidArgument);
  const JsonReader documents(content, name, ErrorCode::kInvalidArgument);
  Collector collector(max_tokens);
  const auto add = [&](const JsonReader& array, const std::string& document) {
    std::vector<TokenId> ids = array.Integers<TokenId>(0);
    CheckIds(ids, model, document);
    if (!collector.full()) collector.Add(document, std::move(ids));
  };
  if (documents.Size() == 0 || !content.front().is_array()) {
    add(documents, name);
    return collector.Take();
  }
  for (size_t i = 0; i < documents.Size(); ++i) add(documents[i], name + "[" + std::to_string(i) + "]");
  return collector.Take();
}

}  // namespace dcp::tools
