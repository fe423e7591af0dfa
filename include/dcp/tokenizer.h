// GPT-2's byte-level byte-pair encoding, with the tokens that were added to it, read from the files that Hugging Face
// libraries write.
#ifndef DCP_TOKENIZER_H_
#define DCP_TOKENIZER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/export.h"
#include "dcp/types.h"
#include "dcp/warnings.h"

namespace dcp {

// How a text is read.
struct EncodeOptions {
  // False: the text of a special token is ordinary text, as it should be where the text comes from somebody who is not
  // trusted. Added tokens that are not special are found all the same.
  bool special = true;
};

// Immutable after loading; all methods may be called from any number of threads at once. Lossless on any bytes:
// Decode(Encode(x)) == x whether or not x is valid UTF-8 - unless the files say otherwise, by a vocabulary that lacks
// some of the 256 bytes, by a space put in front, or by added tokens that take the spaces around them.
class DCP_EXPORT Tokenizer {
 public:
  // Reads the tokenizer of a model directory: tokenizer.json, or else vocab.json and merges.txt; on top of either,
  // where they are, added_tokens.json, tokenizer_config.json and special_tokens_map.json. A tokenizer.json of another
  // kind (not byte-level BPE, a normalizer, another way to split words) is passed over with a warning when vocab.json
  // and merges.txt are there too. Throws Error(kIo) when a file cannot be read, Error(kInvalidModel) when it is
  // malformed, is of another kind, or contradicts itself or another: a token with two ids, an id with two tokens, a
  // merge naming an unknown token. What can be lived with - bytes without a token - goes to `warnings`.
  static Tokenizer Load(const std::filesystem::path& directory, Warnings* warnings = nullptr);

  // True when `directory` holds tokenizer.json, or both vocab.json and merges.txt.
  static bool Present(const std::filesystem::path& directory);

  // Names of all the files that Load looks for: what has to travel with a model.
  static std::span<const char* const> FileNames();

  // What is left can only be destroyed or assigned to.
  Tokenizer(Tokenizer&&) noexcept;
  // The same.
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Cuts out the added tokens (those with "normalized": false first; of two that begin at one place the longer), then
  // splits what is between them with GPT-2's pre-tokenizer
  // ('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+) and merges. <|endoftext|> is an added
  // token, and special, wherever the vocabulary has it. A byte that is not part of valid UTF-8 counts as a character
  // that is neither letter, number nor space. A byte without a token gives the unknown token where tokenizer.json
  // names one, else nothing.
  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The bytes of the ids, concatenated, special tokens included. May cut a UTF-8 character: use StreamDecoder to show
  // text while it is made. Throws Error(kInvalidArgument) for an id outside the vocabulary.
  std::string Decode(std::span<const TokenId> ids) const;

  // The bytes of one token; for an added token its text. Empty where no token has the id. The view lives as long as the
  // tokenizer. Throws as Decode.
  std::string_view TokenBytes(TokenId id) const;

  // Whether it is a special token, which generated text does not show. False outside the vocabulary.
  bool IsSpecial(TokenId id) const;

  // One more than the highest id, added tokens included.
  int vocab_size() const;

  // The token that begins a text ("bos_token"), if the files name one.
  std::optional<TokenId> bos() const;

  // The token that ends a text: "eos_token", or else <|endoftext|> if the vocabulary has it.
  std::optional<TokenId> end_of_text() const;

  // What the files want before every text that a model is given ("add_bos_token", a post-processor); Encode leaves it
  // to the caller. Mostly empty.
  const std::vector<TokenId>& prefix() const;

  // A number that differs between tokenizers that read or write text differently.
  uint64_t fingerprint() const;

 private:
  struct DCP_HIDDEN Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Turns a stream of tokens into text, a piece at a time, never cutting a UTF-8 character: bytes that may still become
// one are held back. Invalid bytes pass through unchanged, special tokens leave no trace. One per sequence; not
// thread-safe. The tokenizer must outlive it.
class DCP_EXPORT StreamDecoder {
 public:
  // Holds back nothing yet.
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // Adds a token; returns the bytes that are now complete (may be empty). Throws Error(kInvalidArgument) for an id
  // outside the vocabulary, and is then as it was.
  std::string Push(TokenId id);

  // Returns what is still held back, and starts anew.
  std::string Flush();

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;
};

}  // namespace dcp

#endif  // DCP_TOKENIZER_H_
