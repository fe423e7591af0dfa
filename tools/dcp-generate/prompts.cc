#include "dcp-generate/prompts.h"

#include <string_view>
#include <utility>

#include "common/files.h"
#include "common/id_list.h"
#include "common/option_group.h"
#include "common/settings.h"
#include "common/tool.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

// The message without the name of its place, which is given beside it.
std::string Unnamed(std::string message, const std::string& name) {
  return message.rfind(name + ": ", 0) == 0 ? message.substr(name.size() + 2) : message;
}

class RequestReader {
 public:
  RequestReader(const GenerateToolOptions& options, const Model& model, const ModelTokenizer& tokenizer)
      : options_(options), model_(model), tokenizer_(tokenizer) {}

  void AddText(std::string_view text, const std::string& name) { AddIds(Encode(text), name); }

  void AddIds(std::vector<TokenId> ids, const std::string& name) {
    Add(name, [&](ToolRequest& request) {
      SetPrompt(std::move(ids), request);
      SetOptions(options_.request, std::nullopt, request);
    });
  }

  void AddLine(std::string_view line, const std::string& name) {
    const nlohmann::json object = ParseJsonObject(line, name, ErrorCode::kInvalidArgument);
    Add(name, [&](ToolRequest& request) { ReadLine(object, request); });
  }

  std::vector<ToolRequest> Take() { return std::move(requests_); }

 private:
  // What `fill` throws becomes the request's error.
  template <typename Fill>
  void Add(const std::string& name, const Fill& fill) {
    ToolRequest request;
    request.name = name;
    try {
      fill(request);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      request.request.error = Unnamed(error.what(), name);
    }
    requests_.push_back(std::move(request));
  }

  std::vector<TokenId> Encode(std::string_view text) const {
    return EncodePrompt(text, tokenizer_.Need("a text prompt"), options_.special);
  }

  void SetPrompt(std::vector<TokenId> ids, ToolRequest& request) {
    if (options_.special.bos) {
      PutFirst(BosToken(tokenizer_.get(), model_.config(), options_.model.model), &ids);
    }
    CheckIds(ids, model_, request.name);
    request.request.prompt = std::move(ids);
  }

  // A request with a seed of its own is the same wherever it stands.
  void SetOptions(const RequestSettings& settings, std::optional<uint64_t> seed, ToolRequest& request) {
    request.request.options = MakeRequestOptions(settings, tokenizer_.get());
    request.request.options.sampling.seed = seed.value_or(options_.model.seed);
    request.request.options.keep_prompt_logits = options_.logits_file.has_value();
    request.request.stream = seed ? 0 : requests_.size();
    request.score_texts = settings.score;
  }

  void ReadLine(const nlohmann::json& object, ToolRequest& request) {
    const JsonReader fields(object, request.name, ErrorCode::kInvalidArgument);
    if (object.contains("id")) ReadId(fields["id"], request);
    const bool has_text = object.contains("prompt");
    if (has_text == object.contains("prompt_ids")) {
      RejectInput("expected either \"prompt\" or \"prompt_ids\"" +
                  std::string(has_text ? ", found both" : ", found neither"));
    }
    SetPrompt(has_text ? Encode(fields["prompt"].Text()) : fields["prompt_ids"].Integers<TokenId>(0), request);
    line_ = options_.request;
    line_seed_.reset();
    line_settings_.Apply(object, {"prompt", "prompt_ids", "id"}, request.name);
    SetOptions(line_, line_seed_, request);
  }

  static void ReadId(const JsonReader& id, ToolRequest& request) {
    if (!id.present()) return;
    if (!id.json().is_string() && !id.json().is_number_integer()) id.Fail("a string or an integer");
    request.id = id.json();
  }

  // What the fields of a line set: `line_`, by the declarations that the command line has.
  Settings MakeLineSettings() {
    Settings settings;
    const OptionGroup add(settings);
    AddRequestOptions(add, line_);
    add("--seed", line_seed_, "", "N");
    return settings;
  }

  const GenerateToolOptions& options_;
  const Model& model_;
  const ModelTokenizer& tokenizer_;
  std::vector<ToolRequest> requests_;
  RequestSettings line_;
  std::optional<uint64_t> line_seed_;
  Settings line_settings_ = MakeLineSettings();
};

bool HasPrompt(const PromptSource& source) {
  return !source.texts.empty() || !source.id_lists.empty() || source.text_file || source.dash || source.jsonl;
}

// The bytes of a file as they are; a warning where they are not plain text in UTF-8.
std::string ReadPrompt(const std::string& file, ToolIo& io) {
  const std::string bytes = ReadAll(file, io);
  try {
    if (AsText(bytes, file).size() < bytes.size()) {
      ShowWarnings({DisplayName(file) + ": begins with a byte-order mark, which is part of the prompt"}, io);
    }
  } catch (const Error& error) {
    ShowWarnings({std::string(error.what()) + "; the prompt is its bytes as they are"}, io);
  }
  return bytes;
}

void AddJsonLines(std::string_view content, const std::string& file, RequestReader& reader) {
  bool any = false;
  for (int number = 1; !content.empty(); ++number) {
    const size_t end = content.find('\n');
    const std::string_view line = Trim(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.empty()) continue;
    reader.AddLine(line, file + ":" + std::to_string(number));
    any = true;
  }
  if (!any) RejectInput(file + ": holds no prompt");
}

}  // namespace

std::vector<ToolRequest> ReadRequests(const GenerateToolOptions& options, const Model& model,
                                      const ModelTokenizer& tokenizer, const PromptState* start, ToolIo& io) {
  const PromptSource& source = options.source;
  RequestReader reader(options, model, tokenizer);
  for (size_t i = 0; i < source.texts.size(); ++i) reader.AddText(source.texts[i], "prompt " + std::to_string(i));
  for (size_t i = 0; i < source.id_lists.size(); ++i) {
    const std::string name = "prompt " + std::to_string(i);
    reader.AddIds(ParseIdList(source.id_lists[i], name), name);
  }
  for (const auto& file : {source.text_file, source.dash}) {
    if (file) reader.AddText(ReadPrompt(*file, io), DisplayName(*file));
  }
  if (!HasPrompt(source) && start != nullptr) reader.AddIds(start->ids, DisplayName(*options.load_state));
  if (source.jsonl) AddJsonLines(ReadAll(*source.jsonl, io), DisplayName(*source.jsonl), reader);
  std::vector<ToolRequest> requests = reader.Take();
  for (ToolRequest& request : requests) request.request.start = start;
  return requests;
}

}  // namespace dcp::tools
