// What stands in a model directory beside the weights: the files of its tokenizer, and what must not be lost.
#ifndef DCP_TOOLS_DCP_FINETUNE_MODEL_DIRECTORY_H_
#define DCP_TOOLS_DCP_FINETUNE_MODEL_DIRECTORY_H_

#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>

namespace dcp::finetune {

using FileContents = std::map<std::string, std::string>;  // by name

// Those of the files that a tokenizer may have (vocab.json, merges.txt, tokenizer.json, tokenizer_config.json,
// special_tokens_map.json, added_tokens.json, chat_template.jinja) that are there. Throws dcp::Error(kIo).
FileContents ReadTokenizerFiles(const std::filesystem::path& directory);

// Writes them, each whole or not at all, and removes the others of that list: what is left of another tokenizer would
// contradict this one. Throws dcp::Error(kIo).
void WriteTokenizerFiles(const FileContents& files, const std::filesystem::path& directory);

// Throws dcp::Error(kInvalidArgument) when one of `names` is in `directory`, the value of --out, and may not be
// replaced; the message ends with what the user can `give`.
void CheckNothingThere(const std::filesystem::path& directory, std::initializer_list<const char*> names,
                       const std::string& give);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_MODEL_DIRECTORY_H_
