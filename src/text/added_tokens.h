// Tokens that were added to a vocabulary: found in a text as they are written, before any word is split.
#ifndef DCP_TEXT_ADDED_TOKENS_H_
#define DCP_TEXT_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/types.h"
#include "text/bpe.h"

namespace dcp {

// The flags mean what they mean to Hugging Face's `tokenizers`.
struct AddedToken {
  std::string content;
  TokenId id = kNoToken;
  bool single_word = false;  // only where no character of a word (\w) touches it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool normalized = true;    // looked for in a second round, between those that are not
  bool special = false;      // a control token: not shown in generated text
};

// A stretch of text, or an added token that was found (then `text` is what it took of the text).
struct TextSegment {
  std::string_view text;
  TokenId id = kNoToken;  // kNoToken: ordinary text
};

// Finds added tokens. Immutable; may be used from many threads.
//
// One round goes over the text from the left and takes the longest token that begins at a place. A token that must not
// be taken there (single_word; a special one where they are off) is passed over as a whole, with whatever else begins
// inside it: that is how the `tokenizers` library does it, to the byte.
class AddedTokenMatcher {
 public:
  // REQUIRES: contents are not empty and differ.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  const std::vector<AddedToken>& tokens() const { return tokens_; }

  // Cuts `text` into segments, which view it. `special` false: special tokens are not looked for.
  std::vector<TextSegment> Cut(std::string_view text, bool special) const;

 private:
  // The contents of one round's tokens as a tree of bytes.
  class Tree {
   public:
    Tree();
    void Insert(std::string_view content, int32_t token);

    struct Match {
      size_t begin;
      size_t end;
      int32_t token;  // index into tokens_; -1: nothing more is found
    };
    // The first match that begins at `from` or later, and of those that begin there the longest.
    Match Next(std::string_view text, size_t from) const;

   private:
    struct Node {
      int32_t token = -1;    // that ends here
      int32_t child = -1;    // the first one
      int32_t sibling = -1;  // the next one with the same parent
      uint8_t byte = 0;
    };
    int32_t Child(int32_t node, uint8_t byte) const;

    // The first place from `from` on where a token may begin; the text's end where there is none.
    size_t NextRoot(std::string_view text, size_t from) const;

    std::array<int32_t, 256> roots_;
    std::string first_bytes_;  // those that have a root
    std::vector<Node> nodes_;
  };

  void CutRound(std::string_view text, const Tree& tree, bool special, std::vector<TextSegment>* out) const;
  bool MayStand(const AddedToken& token, std::string_view text, const Tree::Match& match, bool special) const;

  std::vector<AddedToken> tokens_;
  std::array<Tree, 2> rounds_;  // not normalized, normalized
};

}  // namespace dcp

#endif  // DCP_TEXT_ADDED_TOKENS_H_
