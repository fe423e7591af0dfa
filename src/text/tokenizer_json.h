// tokenizer.json, the file of Hugging Face's `tokenizers`: a whole pipeline, of which byte-level BPE is one kind.
#ifndef DCP_TEXT_TOKENIZER_JSON_H_
#define DCP_TEXT_TOKENIZER_JSON_H_

#include <filesystem>

#include "dcp/error.h"
#include "dcp/warnings.h"
#include "text/added_token_table.h"
#include "text/tokenizer_parts.h"

namespace dcp {

inline constexpr char kTokenizerFile[] = "tokenizer.json";

// A sound file of a kind that libdcp does not read; what() names the kind. Its code is kInvalidModel.
class UnsupportedTokenizer : public Error {
 public:
  explicit UnsupportedTokenizer(const std::string& message) : Error(ErrorCode::kInvalidModel, message) {}
};

// Reads the file, and adds its added tokens to `table`. Throws Error(kIo | kInvalidModel), and UnsupportedTokenizer for
// anything in it that would give text other ids than byte-level BPE with GPT-2's way to split words. `table` has then
// nothing of it.
TokenizerParts ReadTokenizerJson(const std::filesystem::path& file, AddedTokenTable& table, Warnings* warnings);

}  // namespace dcp

#endif  // DCP_TEXT_TOKENIZER_JSON_H_
