// Cutting out added tokens again, straight from the rules and as slow as it likes, to hold the real one to.
#ifndef TESTS_UNIT_TEXT_NAIVE_ADDED_TOKENS_H_
#define TESTS_UNIT_TEXT_NAIVE_ADDED_TOKENS_H_

#include <string>
#include <utility>
#include <vector>

#include "text/added_tokens.h"

namespace dcp::testing {

// What each stretch of text says, and the id of the added token that it is, or -1 for ordinary text.
using NaiveSegments = std::vector<std::pair<std::string, TokenId>>;

// `text` is cut twice: by the tokens that are not normalized, and what is left by those that are.
NaiveSegments NaiveCut(const std::string& text, const std::vector<AddedToken>& tokens, bool special);

}  // namespace dcp::testing

#endif  // TESTS_UNIT_TEXT_NAIVE_ADDED_TOKENS_H_
