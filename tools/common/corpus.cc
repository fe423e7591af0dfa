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

  // Returns whether the end had to be left out.
  bool Add(Document document) {
    const bool cut = document.ids.size() > left_;
    if (cut) document.ids.resize(left_);
    left_ -= document.ids.size();
    documents_.push_back(std::move(document));
    return cut;
  }

  Document& last() { return documents_.back(); }

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

DeclaredOption AddTexts(const OptionGroup& add, std::vector<std::string>& texts) {
  return add.Each("--text", texts,
                  "A text file (- is stdin), or a folder of .txt files; each file is a document; may be repeated",
                  "PATH");
}

std::vector<Document> ReadTexts(const std::vector<std::string>& paths, const Tokenizer& tokenizer, const Model& model,
                                size_t max_tokens, ToolIo& io, const EncodeOptions& encoding,
                                const TextFilter& filter) {
  Collector collector(max_tokens);
  for (const std::string& path : paths) {
    for (const std::string& file : TextFilesOf(path)) {
      if (collector.full()) break;
      if (io.interrupted) throw Interrupted{};
      std::string text = ReadText(file, io);
      Document document{DisplayName(file), {}, SizeOf(text)};
      if (filter) text = filter(std::move(text));
      document.ids = tokenizer.Encode(text, encoding);
      CheckIds(document.ids, model, document.name);
      if (!collector.Add(std::move(document))) continue;
      Document& cut = collector.last();
      cut.size = filter ? std::nullopt : std::optional(SizeOf(tokenizer.Decode(cut.ids)));
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
    if (!collector.full()) collector.Add({document, std::move(ids)});
  };
  if (documents.Size() == 0 || !content.front().is_array()) {
    add(documents, name);
    return collector.Take();
  }
  for (size_t i = 0; i < documents.Size(); ++i) add(documents[i], name + "[" + std::to_string(i) + "]");
  return collector.Take();
}

}  // namespace dcp::tools
