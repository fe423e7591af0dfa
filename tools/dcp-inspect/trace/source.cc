#include "dcp-inspect/trace/source.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "common/files.h"
#include "common/id_list.h"
#include "common/json.h"
#include "common/progress.h"
#include "dcp/error.h"
#include "dcp/generate.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

// The last folder of the path.
std::string NameOf(const std::string& directory) {
  std::filesystem::path path = std::filesystem::path(directory).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return path.filename().string();
}

std::vector<TokenId> PromptIds(const InspectOptions& options, const Model& model,
                               const std::optional<Tokenizer>& tokenizer, ToolIo& io) {
  const InspectSource& source = options.source;
  std::string name = "--prompt";
  std::vector<TokenId> ids;
  if (source.prompt) {
    ids = NeedTokenizer(tokenizer, options.model, name).Encode(*source.prompt);
  } else if (source.prompt_ids) {
    name = "--prompt-ids";
    ids = ParseIdList(*source.prompt_ids, name);
    CheckIds(ids, model, name);
  } else {
    name = DisplayName(source.texts.at(0));
    ids = NeedTokenizer(tokenizer, options.model, "--text").Encode(ReadAll(source.texts.at(0), io));
  }
  if (source.skip >= ids.size()) {
    Reject(name + (ids.empty() ? ": the text is empty"
                               : ": has " + std::to_string(ids.size()) + " tokens, --skip leaves out " +
                                     std::to_string(source.skip)));
  }
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(source.skip));
  if (source.max_tokens > 0) ids.resize(std::min(ids.size(), source.max_tokens));
  const auto positions = static_cast<size_t>(model.config().n_positions);
  if (ids.size() > positions) {
    Reject(name + ": has " + std::to_string(ids.size()) + " tokens, the model has " + std::to_string(positions) +
           " positions; --skip and --max-tokens choose a part");
  }
  return ids;
}

void ReadOnly(Session& session, DropTrace& trace) {
  const SequenceId sequence = session.Add();
  const FeedItem item{sequence, trace.ids, LogitsMode::kNone};
  session.Prefill({&item, 1});
  for (int layer = 0; layer < session.cache().layers(); ++layer) trace.layers.push_back(session.Drops(layer, sequence));
  session.Finish(sequence);
}

void ReadAndGenerate(const InspectOptions& options, Session& session, const Tokenizer* tokenizer, ToolIo& io,
                     DropTrace& trace) {
  GenerateOptions generate;
  generate.max_new_tokens = options.source.generate;
  generate.sampling = options.source.sampling;
  generate.sampling.seed = options.model.seed;
  Progress progress(io.err,
                    {"generating", "tokens", static_cast<double>(generate.max_new_tokens), io.err_is_terminal, {}});
  double made = 0;
  GenerateResult result = Generate(session, {&trace.ids, 1}, generate, tokenizer, [&](const GeneratedToken&) {
    progress.Update(++made);
    return !io.interrupted;
  });
  if (io.interrupted) throw Interrupted{};
  GeneratedSequence& sequence = result.sequences[0];
  trace.ids.insert(trace.ids.end(), sequence.generated_ids.begin(), sequence.generated_ids.end() - 1);
  trace.layers = std::move(sequence.drops);
}

// --- A trace file ----------------------------------------------------------------------------------------------------

const Json& Member(const Json& object, const char* key, const std::string& source) {
  if (!object.is_object() || !object.contains(key)) Reject(source + ": lacks \"" + key + "\"");
  return object[key];
}

const Json& Array(const Json& object, const char* key, const std::string& source) {
  const Json& array = Member(object, key, source);
  if (!array.is_array()) Reject(source + ": " + key + " is no array but " + array.dump().substr(0, 40));
  return array;
}

std::vector<int32_t> Integers(const Json& object, const char* key, const std::string& source) {
  std::vector<int32_t> values;
  for (const Json& value : Array(object, key, source)) {
    const bool fits = value.is_number_integer() && value >= -1 && value <= std::numeric_limits<int32_t>::max();
    if (!fits) Reject(source + ": " + key + "[" + std::to_string(values.size()) + "] is " + value.dump().substr(0, 40));
    values.push_back(value.get<int32_t>());
  }
  return values;
}

std::vector<float> Scores(const Json& object, const char* key, const std::string& source) {
  std::vector<float> values;
  for (const Json& value : Array(object, key, source)) {
    if (!value.is_number() && !value.is_null()) {
      Reject(source + ": " + key + "[" + std::to_string(values.size()) + "] is " + value.dump().substr(0, 40));
    }
    values.push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN() : value.get<float>());
  }
  return values;
}

std::vector<std::string> Texts(const Json& object, const char* key, const std::string& source) {
  std::vector<std::string> values;
  for (const Json& value : Array(object, key, source)) {
    if (!value.is_string()) {
      Reject(source + ": " + key + "[" + std::to_string(values.size()) + "] is " + value.dump().substr(0, 40));
    }
    values.push_back(value.get<std::string>());
  }
  return values;
}

size_t PromptTokens(const Json& entry, size_t tokens, const std::string& source) {
  if (!entry.contains("prompt_tokens")) return tokens;
  const Json& value = entry["prompt_tokens"];
  if (!value.is_number_unsigned() || value.get<uint64_t>() > tokens) {
    Reject(source + ": prompt_tokens is " + value.dump().substr(0, 40) + " of " + std::to_string(tokens) + " tokens");
  }
  return value.get<size_t>();
}

int EvictionDelay(const Json& document, const std::string& source) {
  if (!document.contains("eviction_delay")) return 0;
  const Json& value = document["eviction_delay"];
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{std::numeric_limits<int32_t>::max()}) {
    Reject(source + ": eviction_delay is " + value.dump().substr(0, 40) + ", expected an integer of at least 0");
  }
  return value.get<int>();
}

}  // namespace

std::string ModelName(const ModelToolOptions& options) {
  return options.adapter.empty() ? NameOf(options.model) : NameOf(options.model) + " + " + NameOf(options.adapter);
}

std::vector<std::string> BytesOf(std::span<const TokenId> ids, const Tokenizer& tokenizer) {
  std::vector<std::string> bytes;
  for (const TokenId id : ids) bytes.emplace_back(id < tokenizer.vocab_size() ? tokenizer.TokenBytes(id) : "");
  return bytes;
}

DropTrace TraceModel(const InspectOptions& options, ToolIo& io) {
  const auto model = LoadModel(options.model);
  const auto tokenizer = LoadTokenizer(options.model, *model);
  DropTrace trace;
  trace.model = ModelName(options.model);
  trace.ids = PromptIds(options, *model, tokenizer, io);
  trace.prompt_tokens = trace.ids.size();

  ThreadPool pool(options.model.threads);
  SessionOptions session_options = MakeSessionOptions(options.model, *model);
  session_options.record_drops = true;
  Session session(model, pool, session_options);
  trace.policy = session.policy().name();
  trace.eviction_delay = session.eviction_delay();
  if (options.source.generate > 0) {
    ReadAndGenerate(options, session, tokenizer ? &*tokenizer : nullptr, io, trace);
  } else {
    ReadOnly(session, trace);
  }
  if (tokenizer) trace.bytes = BytesOf(trace.ids, *tokenizer);
  return trace;
}

DropTrace ParseTrace(std::string_view json, size_t sequence, const std::string& source) {
  const Json document = ParseJson(json, source);
  const Json& sequences = Array(document, "sequences", source);
  if (sequence >= sequences.size()) {
    Reject(source + ": has " + std::to_string(sequences.size()) + " sequences, --sequence is " +
           std::to_string(sequence));
  }
  const std::string name = source + ": sequences[" + std::to_string(sequence) + "]";
  const Json& entry = sequences[sequence];
  DropTrace trace;
  trace.eviction_delay = EvictionDelay(document, source);
  trace.ids = Integers(entry, "ids", name);
  trace.bytes = Texts(entry, "tokens", name);
  trace.prompt_tokens = PromptTokens(entry, trace.ids.size(), name);
  for (const Json& layer : Array(entry, "layers", name)) {
    const std::string layer_name = name + ": layers[" + std::to_string(trace.layers.size()) + "]";
    trace.layers.push_back({Integers(layer, "dropped_at", layer_name), Scores(layer, "dropped_by_score", layer_name)});
  }
  CheckTrace(trace, name);
  return trace;
}

DropTrace TraceFromFile(const InspectOptions& options, ToolIo& io) {
  const std::string& path = *options.source.trace_file;
  DropTrace trace = ParseTrace(ReadAll(path, io), options.source.sequence, DisplayName(path));
  if (options.model.model.empty()) return trace;
  const Tokenizer tokenizer = Tokenizer::Load(options.model.model);
  trace.model = ModelName(options.model);
  trace.bytes = BytesOf(trace.ids, tokenizer);
  return trace;
}

}  // namespace dcp::tools
