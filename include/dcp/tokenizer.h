// GPT-2's byte-level byte-pair encoding, read from vocab.json and merges.txt.
#ifndef DCP_TOKENIZER_H_
#define DCP_TOKENIZER_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/types.h"

namespace dcp {

// Immutable after loading; all methods may be called from any number of threads at once. Lossless on any bytes:
// Decode(Encode(x)) == x whether or not x is valid UTF-8.
class Tokenizer {
 public:
  // Reads vocab.json and merges.txt in `directory`. Throws Error(kIo) when a file cannot be read, Error(kInvalidModel)
  // when it is malformed: ids that are negative, repeated or leave holes, one of the 256 byte tokens missing, a merge
  // naming an unknown token.
  static Tokenizer Load(const std::filesystem::path& directory);

  // True when `directory` holds both files.
  static bool Present(const std::filesystem::path& directory);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Splits with GPT-2's pre-tokenizer ('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+),
  // then merges. Special tokens in the text (<|endoftext|>) are encoded as ordinary text. A byte that is not part of
  // valid UTF-8 counts as a character that is neither letter, number nor space.
  std::vector<TokenId> Encode(std::string_view text) const;

  // The bytes of the ids, concatenated. May cut a UTF-8 character: use StreamDecoder to show text while it is made.
  // Throws Error(kInvalidArgument) for an id outside the vocabulary.
  std::string Decode(std::span<const TokenId> ids) const;

  // The bytes of one token. The view lives as long as the tokenizer.
  std::string_view TokenBytes(TokenId id) const;

  int vocab_size() const;

  // Id of <|endoftext|>, if the vocabulary has one.
  std::optional<TokenId> end_of_text() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Turns a stream of tokens into text, a piece at a time, never cutting a UTF-8 character: bytes that may still become
// one are held back. Invalid bytes pass through unchanged. One per sequence; not thread-safe. The tokenizer must
// outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // Adds a token; returns the bytes that are now complete (may be empty).
  std::string Push(TokenId id);

  // Returns what is still held back, and starts anew.
  std::string Flush();

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;
};

}  // namespace dcp

#endif  // DCP_TOKENIZER_H_
