#include "dcp-generate/prompts.h"

#include <string_view>

#include "common/files.h"
#include "common/id_list.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

class PromptReader {
 public:
  PromptReader(const ModelSource& source, const Model& model, const std::optional<Tokenizer>& tokenizer)
      : source_(source), model_(model), tokenizer_(tokenizer) {}

  void AddText(std::string_view text, const std::string& name) {
    Add(NeedTokenizer(tokenizer_, source_, "a text prompt").Encode(text), name);
  }

  void Add(std::vector<TokenId> ids, const std::string& name) {
    if (ids.empty()) Reject(name + ": the prompt is empty");
    CheckIds(ids, model_, name);
    prompts_.push_back(std::move(ids));
  }

  std::vector<std::vector<TokenId>> Take() { return std::move(prompts_); }

 private:
  const ModelSource& source_;
  const Model& model_;
  const std::optional<Tokenizer>& tokenizer_;
  std::vector<std::vector<TokenId>> prompts_;
};

// {"prompt": "..."} or {"prompt_ids": [...]}; other fields are nobody's business here.
void AddJsonLine(std::string_view line, const std::string& name, PromptReader& reader) {
  const nlohmann::json object = ParseJsonObject(line, name, ErrorCode::kInvalidArgument);
  const JsonReader fields(object, name, ErrorCode::kInvalidArgument);
  const bool has_text = object.contains("prompt");
  if (has_text == object.contains("prompt_ids")) {
    Reject(name + ": expected either \"prompt\" or \"prompt_ids\"" + (has_text ? ", found both" : ", found neither"));
  }
  if (has_text) return reader.AddText(fields["prompt"].Text(), name);
  reader.Add(fields["prompt_ids"].Integers<TokenId>(0), name + ": prompt_ids");
}

void AddJsonLines(std::string_view content, const std::string& file, PromptReader& reader) {
  bool any = false;
  for (int number = 1; !content.empty(); ++number) {
    const size_t end = content.find('\n');
    const std::string_view line = Trim(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.empty()) continue;
    AddJsonLine(line, file + ":" + std::to_string(number), reader);
    any = true;
  }
  if (!any) Reject(file + ": holds no prompt");
}

}  // namespace

std::vector<std::vector<TokenId>> ReadPrompts(const PromptSource& source, const ModelSource& model_source,
                                              const Model& model, const std::optional<Tokenizer>& tokenizer,
                                              ToolIo& io) {
  PromptReader reader(model_source, model, tokenizer);
  for (size_t i = 0; i < source.texts.size(); ++i) reader.AddText(source.texts[i], "prompt " + std::to_string(i));
  for (size_t i = 0; i < source.id_lists.size(); ++i) {
    const std::string name = "prompt " + std::to_string(i);
    reader.Add(ParseIdList(source.id_lists[i], name), name);
  }
  for (const auto& file : {source.text_file, source.dash}) {
    if (file) reader.AddText(ReadAll(*file, io), DisplayName(*file));
  }
  if (source.jsonl) AddJsonLines(ReadAll(*source.jsonl, io), DisplayName(*source.jsonl), reader);
  return reader.Take();
}

}  // namespace dcp::tools
