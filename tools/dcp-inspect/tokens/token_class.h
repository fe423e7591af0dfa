// What kind of token it is, and which word it belongs to.
#ifndef DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_CLASS_H_
#define DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_CLASS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

// Each token has one class: the first that fits.
enum class TokenClass {
  kWhitespace,   // spaces, tabs, line ends and nothing else
  kNumber,       // digits
  kPunctuation,  // neither letters nor digits
  kPiece,        // letters, but only a part of a word
  kStopWord,     // a whole word that serves grammar: "the", "of", "'s", whatever its case
  kCapitalised,  // another whole word that begins with a capital
  kWord,         // any other whole word
  kOther,        // bytes that are no character by themselves, ids without text
};
inline constexpr size_t kTokenClasses = 8;

// "whitespace", "numbers", "punctuation", "word pieces", "stop words", "capitalised words", "other words", "other".
std::string_view ToString(TokenClass token_class);

struct TokenKind {
  TokenClass token_class = TokenClass::kOther;
  std::string word;  // the whole word that it is, or is a part of, in lower case (ASCII); empty where it is no word
};

// [T] of a text's tokens, whose neighbours tell whole words from pieces.
std::vector<TokenKind> ClassifyTokens(std::span<const std::string> bytes);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_TOKENS_TOKEN_CLASS_H_
