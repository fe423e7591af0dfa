#include "dcp-generate/prompts.h"

#include <string_view>

#include "common/files.h"
#include "common/id_list.h"
#include "common/json.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

class PromptReader {
 public:
  PromptReader(const ModelToolOptions& options, const Model& model, const std::optional<Tokenizer>& tokenizer)
      : options_(options), model_(model), tokenizer_(tokenizer) {}

  void AddText(std::string_view text, const std::string& name) {
    Add(NeedTokenizer(tokenizer_, options_, "a text prompt").Encode(text), name);
  }

  void Add(std::vector<TokenId> ids, const std::string& name) {
    if (ids.empty()) Reject(name + ": the prompt is empty");
    CheckIds(ids, model_, name);
    prompts_.push_back(std::move(ids));
  }

  std::vector<std::vector<TokenId>> Take() { return std::move(prompts_); }

 private:
  const ModelToolOptions& options_;
  const Model& model_;
  const std::optional<Tokenizer>& tokenizer_;
  std::vector<std::vector<TokenId>> prompts_;
};

std::vector<TokenId> IdsOfJson(const Json& array, const std::string& name) {
  if (!array.is_array()) Reject(name + ": prompt_ids is not an array");
  std::vector<TokenId> ids;
  for (const Json& id : array) ids.push_back(ParseId(id.is_number_integer() ? id.dump() : "", name));
  return ids;
}

// {"prompt": "..."} or {"prompt_ids": [...]}; other fields are nobody's business here.
void AddJsonLine(std::string_view line, const std::string& name, PromptReader& reader) {
  const Json object = ParseJson(line, name);
  if (!object.is_object()) Reject(name + ": not a JSON object");
  const bool has_text = object.contains("prompt");
  if (has_text == object.contains("prompt_ids")) {
    Reject(name + ": expected either \"prompt\" or \"prompt_ids\"" + (has_text ? ", found both" : ", found neither"));
  }
  if (!has_text) return reader.Add(IdsOfJson(object["prompt_ids"], name), name);
  if (!object["prompt"].is_string()) Reject(name + ": prompt is not a string");
  reader.AddText(object["prompt"].get_ref<const std::string&>(), name);
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

void CheckSource(const PromptSource& source) {
  const int kinds =
      !source.texts.empty() + source.text_file.has_value() + !source.id_lists.empty() + source.jsonl.has_value();
  if (kinds == 1) return;
  const std::string choices = "--prompt, --prompt-file, --prompt-ids, --input, - (standard input)";
  Reject(kinds == 0 ? "no prompt: give one of " + choices
                    : "more than one kind of prompt: give only one of " + choices);
}

std::vector<std::vector<TokenId>> ReadPrompts(const PromptSource& source, const ModelToolOptions& options,
                                              const Model& model, const std::optional<Tokenizer>& tokenizer,
                                              ToolIo& io) {
  PromptReader reader(options, model, tokenizer);
  for (size_t i = 0; i < source.texts.size(); ++i) reader.AddText(source.texts[i], "prompt " + std::to_string(i));
  for (size_t i = 0; i < source.id_lists.size(); ++i) {
    const std::string name = "prompt " + std::to_string(i);
    reader.Add(ParseIdList(source.id_lists[i], name), name);
  }
  if (source.text_file) reader.AddText(ReadAll(*source.text_file, io), DisplayName(*source.text_file));
  if (source.jsonl) AddJsonLines(ReadAll(*source.jsonl, io), DisplayName(*source.jsonl), reader);
  return reader.Take();
}

}  // namespace dcp::tools
