// What a tokenizer is made of, whichever files it came from.
#ifndef DCP_TEXT_TOKENIZER_PARTS_H_
#define DCP_TEXT_TOKENIZER_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "text/added_token_table.h"
#include "text/bpe.h"
#include "text/vocabulary.h"

namespace dcp {

struct TokenizerParts {
  std::string source;  // the file that the vocabulary is from
  TokenNames ids;
  std::vector<Merge> merges;
  UnknownByte unknown;
  bool ignore_merges = false;     // a piece that is a token as it stands is that token
  bool add_prefix_space = false;  // before every stretch of text that does not begin with one
  bool split_pieces = true;       // false: such a stretch is one piece
  std::vector<TokenId> prefix;    // what begins every text
};

}  // namespace dcp

#endif  // DCP_TEXT_TOKENIZER_PARTS_H_
