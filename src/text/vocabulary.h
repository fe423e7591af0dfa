// Reading vocab.json and merges.txt.
#ifndef DCP_TEXT_VOCABULARY_H_
#define DCP_TEXT_VOCABULARY_H_

#include <array>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "dcp/types.h"
#include "text/bpe.h"

namespace dcp {

// Token names are as in the files, in the byte alphabet.
using TokenNames = std::unordered_map<std::string, TokenId>;

struct Vocabulary {
  TokenNames ids;
  std::vector<std::string> bytes;     // by id: what each token decodes to
  std::array<TokenId, 256> byte_ids;  // the token of each single byte
};

// Reads a JSON object from token name to id. Throws Error(kIo | kInvalidModel), also for a name given twice, an empty
// name, or one with a character outside the byte alphabet.
Vocabulary ReadVocabulary(const std::filesystem::path& file);

// Reads one merge a line, the two tokens parted by one space, best first. A first line "#version..." and empty lines at
// the end are passed over; lines may end in CRLF. Throws Error(kIo | kInvalidModel), also for a merge given twice or
// one that names or makes a token that is not in `ids`.
std::vector<Merge> ReadMerges(const std::filesystem::path& file, const TokenNames& ids);

}  // namespace dcp

#endif  // DCP_TEXT_VOCABULARY_H_
