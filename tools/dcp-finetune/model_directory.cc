#include "dcp-finetune/model_directory.h"

#include <vector>

#include "dcp/error.h"
#include "dcp/tokenizer.h"
#include "support/files.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

// What the tokenizer is read from, and what others keep beside it.
std::vector<const char*> TokenizerFiles() {
  const auto names = Tokenizer::FileNames();
  std::vector<const char*> files(names.begin(), names.end());
  files.push_back("chat_template.jinja");
  return files;
}

}  // namespace

FileContents ReadTokenizerFiles(const std::filesystem::path& directory) {
  FileContents files;
  for (const char* name : TokenizerFiles()) {
    if (std::filesystem::exists(directory / name)) files[name] = ReadFile(directory / name);
  }
  return files;
}

void WriteTokenizerFiles(const FileContents& files, const std::filesystem::path& directory) {
  for (const auto& [name, content] : files) OutputFile(directory / name).Commit(content);
  std::error_code ignored;
  for (const char* name : TokenizerFiles()) {
    if (!files.contains(name)) std::filesystem::remove(directory / name, ignored);
  }
}

void CheckNothingThere(const std::filesystem::path& directory, std::initializer_list<const char*> names,
                       const std::string& give) {
  for (const char* name : names) {
    if (!std::filesystem::exists(directory / name)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "--out: " + (directory / name).string() + " is there already: give " + give + ", or another directory");
  }
}

}  // namespace dcp::finetune
