#include "dcp/tokenizer.h"

#include <string>
#include <system_error>
#include <utility>

#include "dcp/error.h"
#include "support/utf8.h"
#include "text/bpe.h"
#include "text/pretokenizer.h"
#include "text/vocabulary.h"

namespace dcp {
namespace {

constexpr char kVocabularyFile[] = "vocab.json";
constexpr char kMergesFile[] = "merges.txt";
constexpr char kEndOfText[] = "<|endoftext|>";

std::optional<TokenId> FindEndOfText(const TokenNames& ids) {
  const auto entry = ids.find(kEndOfText);
  return entry == ids.end() ? std::nullopt : std::optional<TokenId>(entry->second);
}

}  // namespace

struct Tokenizer::Impl {
  std::vector<std::string> bytes;  // by id
  std::optional<TokenId> end_of_text;
  Bpe bpe;
};

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::Load(const std::filesystem::path& directory) {
  Vocabulary vocabulary = ReadVocabulary(directory / kVocabularyFile);
  const std::vector<Merge> merges = ReadMerges(directory / kMergesFile, vocabulary.ids);
  return Tokenizer(std::unique_ptr<const Impl>(
      new Impl{std::move(vocabulary.bytes), FindEndOfText(vocabulary.ids), Bpe(vocabulary.byte_ids, merges)}));
}

bool Tokenizer::Present(const std::filesystem::path& directory) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(directory / kVocabularyFile, ignored) &&
         std::filesystem::is_regular_file(directory / kMergesFile, ignored);
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text) const {
  std::vector<TokenId> ids;
  BpeScratch scratch;
  while (!text.empty()) {
    const std::string_view piece = NextPiece(text);
    impl_->bpe.Append(piece, &scratch, &ids);
    text.remove_prefix(piece.size());
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string text;
  for (TokenId id : ids) text.append(TokenBytes(id));
  return text;
}

std::string_view Tokenizer::TokenBytes(TokenId id) const {
  if (id < 0 || id >= vocab_size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "token id " + std::to_string(id) + " is outside the tokenizer's vocabulary of " + std::to_string(vocab_size()));
  }
  return impl_->bytes[static_cast<size_t>(id)];
}

int Tokenizer::vocab_size() const { return static_cast<int>(impl_->bytes.size()); }

std::optional<TokenId> Tokenizer::end_of_text() const { return impl_->end_of_text; }

std::string StreamDecoder::Push(TokenId id) {
  pending_.append(tokenizer_->TokenBytes(id));
  size_t complete = 0;
  while (complete < pending_.size()) {
    const Utf8Char character = ReadUtf8(std::string_view(pending_).substr(complete));
    if (character.status == Utf8Status::kTruncated) break;
    complete += character.length;
  }
  std::string text = pending_.substr(0, complete);
  pending_.erase(0, complete);
  return text;
}

std::string StreamDecoder::Flush() { return std::exchange(pending_, {}); }

}  // namespace dcp
