// The tokenizer again, straight from its definition and as slow as it likes, to hold the real one to.
#ifndef TESTS_UNIT_TEXT_NAIVE_BPE_H_
#define TESTS_UNIT_TEXT_NAIVE_BPE_H_

#include <string>
#include <vector>

#include "tests/unit/text/small_vocabulary.h"

namespace dcp::testing {

// The pieces of `text`, by trying the alternatives of the regular expression in turn, each by backtracking.
std::vector<std::string> NaivePieces(const std::string& text);

// The byte strings that `piece` is merged into: the best pair is looked up in the list of merges and merged everywhere
// from left to right, until no merge applies.
std::vector<std::string> NaiveMerge(const std::string& piece, const MergePairs& merges);

}  // namespace dcp::testing

#endif  // TESTS_UNIT_TEXT_NAIVE_BPE_H_
