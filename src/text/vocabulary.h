// The tokens of a byte-level BPE and their merges, from vocab.json and merges.txt or from the same in tokenizer.json.
#ifndef DCP_TEXT_VOCABULARY_H_
#define DCP_TEXT_VOCABULARY_H_

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dcp/types.h"
#include "text/bpe.h"

namespace dcp {

// Ids stay below this, so that a file with one absurd id does not ask for memory by the gigabyte.
inline constexpr TokenId kTokenIdEnd = 1 << 24;

// Token names are as in the files, in the byte alphabet.
using TokenNames = std::unordered_map<std::string, TokenId>;

// The bytes that a token's name stands for; none where a character of it is outside the byte alphabet.
std::optional<std::string> BytesOfName(std::string_view name);

// What a token says: those bytes, or else the name itself (of a token that was put in by hand, with a plain space or a
// line feed).
std::string TextOfName(std::string_view name);

// Reads a JSON object from token name to id. Throws Error(kIo | kInvalidModel), also for a name that is given twice, or
// an id that two tokens have.
TokenNames ReadVocabulary(const std::filesystem::path& file);

// The tokens in the order of their ids, which may have holes: memory follows the number of tokens, whatever the highest
// id is. Throws Error(kInvalidModel) beginning with `source` for an id that two tokens have, or when there are no
// tokens.
std::vector<std::pair<TokenId, const std::string*>> NamesById(const TokenNames& ids, const std::string& source);

// The token of each single byte, kNoToken where the vocabulary has none.
std::array<TokenId, 256> FindByteIds(const TokenNames& ids);

// Puts merges together, best first. One that is given twice counts where it is given last.
class MergeList {
 public:
  explicit MergeList(const TokenNames& ids) : ids_(ids) {}

  // Throws Error(kInvalidModel) beginning with where() for a half that is empty, or a half or a result without an id.
  void Add(std::string_view left, std::string_view right, const std::function<std::string()>& where);

  std::vector<Merge> Take() { return std::move(merges_); }

 private:
  const TokenNames& ids_;
  std::vector<Merge> merges_;
};

// Reads one merge a line, the two tokens parted by one space, best first. A byte-order mark, a first line "#version..."
// and empty lines at the end are passed over; lines may end in CRLF. Throws Error(kIo | kInvalidModel).
std::vector<Merge> ReadMerges(const std::filesystem::path& file, const TokenNames& ids);

}  // namespace dcp

#endif  // DCP_TEXT_VOCABULARY_H_
