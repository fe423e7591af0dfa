// Text files as documents, and documents as tokens in a memory-mapped file.
#ifndef DCP_TOOLS_DCP_FINETUNE_CORPUS_H_
#define DCP_TOOLS_DCP_FINETUNE_CORPUS_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dcp/thread_pool.h"
#include "dcp/tokenizer.h"
#include "support/mapped_file.h"

namespace dcp::finetune {

// Files, or folders of .txt files (sorted by name); each file is a document, or several where `end_of_text` parts it.
class TextFiles {
 public:
  // Throws dcp::Error(kIo | kInvalidArgument), also when there is nothing in them.
  explicit TextFiles(const std::vector<std::string>& paths, std::string_view end_of_text = "<|endoftext|>");

  const std::vector<std::string_view>& documents() const { return documents_; }

 private:
  std::vector<MappedFile> files_;
  std::vector<std::string_view> documents_;
};

// The tokens of documents.
class TokenCorpus {
 public:
  // Encodes `paths`, whose documents `end_of_text` parts, into a file of `cache`, named after a hash of the texts and
  // the tokenizer, unless it is there already; runs over the same data share it. Ids take 2 bytes where the vocabulary
  // allows, else 4. A file that does not hold together is made again. Throws dcp::Error.
  static TokenCorpus Open(const std::vector<std::string>& paths, const Tokenizer& tokenizer, ThreadPool& pool,
                          const std::filesystem::path& cache, std::string_view end_of_text = "<|endoftext|>");

  // The highest id; -1 where there is none.
  int64_t HighestId() const;

  size_t documents() const { return offsets_.size() - 1; }
  int64_t Length(size_t document) const { return static_cast<int64_t>(offsets_[document + 1] - offsets_[document]); }
  int64_t total() const { return static_cast<int64_t>(offsets_.back()); }

  // Parts a document in two: its first `at` tokens, and the rest as the document after it. REQUIRES: 0 <= at <= length.
  void Split(size_t document, int64_t at);

  // Copies tokens [begin, begin + out.size()) of a document.
  void Read(size_t document, int64_t begin, std::span<int64_t> out) const;

 private:
  explicit TokenCorpus(MappedFile file) : file_(std::move(file)) {}
  bool IndexTokens();  // false: not a token file of this program, or not a whole one

  MappedFile file_;
  std::vector<uint64_t> offsets_;  // [documents + 1]
  const std::byte* tokens_ = nullptr;
  size_t width_ = 0;  // bytes of an id
};

struct Division {
  std::vector<size_t> train, held_out;  // documents
};

// Holds out about `fraction` of the documents, at least one where fraction > 0, chosen by a hash of their length and
// beginning, so that the choice does not depend on their order. An only document is split, and its end held out: that
// share, or where it is more one sequence of `context` tokens, though no more than a tenth of the text for that; what
// is left to learn from has `context` tokens where the document has any to spare. REQUIRES: 0 <= fraction < 1.
Division HoldOut(TokenCorpus& corpus, double fraction, int64_t context);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CORPUS_H_
