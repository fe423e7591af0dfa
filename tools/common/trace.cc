#include "common/trace.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/tool.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

Json LayerEntry(const DropLog& log) {
  Json entry;
  entry["dropped_at"] = log.dropped_at;
  Json& scores = entry["dropped_by_score"] = Json::array();
  for (const float score : log.score) scores.push_back(ShortestDouble(score));  // NaN becomes null
  return entry;
}

std::vector<float> Scores(const JsonReader& array) {
  std::vector<float> scores;
  for (size_t i = 0; i < array.Size(); ++i) {
    scores.push_back(static_cast<float>(array[i].MaybeNumber().value_or(std::numeric_limits<double>::quiet_NaN())));
  }
  return scores;
}

void CheckLayer(const DropLog& layer, size_t tokens, int eviction_delay, const std::string& name) {
  if (layer.dropped_at.size() != tokens || layer.score.size() != tokens) {
    RejectInput(name + ": " + std::to_string(layer.dropped_at.size()) + " entries of dropped_at and " +
                std::to_string(layer.score.size()) + " of dropped_by_score, for " + std::to_string(tokens) + " ids");
  }
  for (size_t j = 0; j < tokens; ++j) {
    const int64_t at = layer.dropped_at[j];
    const int64_t first = static_cast<int64_t>(j) + 1 + (std::isnan(layer.score[j]) ? 0 : eviction_delay);
    if (at == -1 || (at >= first && at < static_cast<int64_t>(tokens))) continue;
    RejectInput(name + ".dropped_at[" + std::to_string(j) + "] is " + std::to_string(at) + ", expected -1 or " +
                std::to_string(first) + ".." + std::to_string(tokens - 1) +
                (eviction_delay > 0 ? " (eviction_delay is " + std::to_string(eviction_delay) + ")" : ""));
  }
}

void CheckTrace(const DropTrace& trace, const std::string& source) {
  if (trace.ids.empty()) RejectInput(source + ": holds no tokens");
  if (trace.layers.empty()) RejectInput(source + ": holds no layers");
  if (!trace.tokens.empty() && trace.tokens.size() != trace.ids.size()) {
    RejectInput(source + ": " + std::to_string(trace.tokens.size()) + " tokens for " +
                std::to_string(trace.ids.size()) + " ids");
  }
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    CheckLayer(trace.layers[l], trace.size(), trace.eviction_delay, source + ".layers[" + std::to_string(l) + "]");
  }
}

}  // namespace

int32_t DroppedBy(const DropLog& layer, size_t position, int eviction_delay) {
  const int32_t at = layer.dropped_at[position];
  return at < 0 || std::isnan(layer.score[position]) ? at : at - eviction_delay;
}

std::vector<std::string> BytesOf(std::span<const TokenId> ids, const Tokenizer* tokenizer) {
  std::vector<std::string> bytes;
  if (tokenizer == nullptr) return bytes;
  for (const TokenId id : ids) bytes.emplace_back(id < tokenizer->vocab_size() ? tokenizer->TokenBytes(id) : "");
  return bytes;
}

std::vector<DropLog> DropsOf(const Session& session, SequenceId sequence) {
  std::vector<DropLog> drops;
  for (int layer = 0; layer < session.cache().layers(); ++layer) drops.push_back(session.Drops(layer, sequence));
  return drops;
}

DropTrace TraceOf(const GeneratedSequence& sequence, int eviction_delay, const Tokenizer* tokenizer) {
  DropTrace trace;
  trace.eviction_delay = eviction_delay;
  trace.layers = sequence.drops;
  trace.ids = sequence.prompt_ids;
  trace.ids.insert(trace.ids.end(), sequence.generated_ids.begin(), sequence.generated_ids.end());
  // A sequence that was cut short may not have been fed at all.
  trace.ids.resize(std::min(trace.size(), trace.layers.empty() ? 0 : trace.layers.front().dropped_at.size()));
  trace.prompt_tokens = std::min(sequence.prompt_ids.size(), trace.size());
  trace.tokens = BytesOf(trace.ids, tokenizer);
  return trace;
}

Json TraceEntry(const DropTrace& trace) {
  Json entry;
  entry["prompt_tokens"] = trace.prompt_tokens;
  entry["ids"] = trace.ids;
  entry["tokens"] = trace.tokens;
  Json& layers = entry["layers"] = Json::array();
  for (const DropLog& layer : trace.layers) layers.push_back(LayerEntry(layer));
  return entry;
}

Json TraceFile(std::span<const DropTrace> traces) {
  Json file;
  if (!traces.empty() && traces[0].eviction_delay > 0) file["eviction_delay"] = traces[0].eviction_delay;
  Json& sequences = file["sequences"] = Json::array();
  for (const DropTrace& trace : traces) sequences.push_back(TraceEntry(trace));
  return file;
}

DropTrace ReadTrace(std::string_view text, size_t sequence, const std::string& source) {
  const nlohmann::json document = ParseJsonObject(text, source, ErrorCode::kInvalidArgument);
  const JsonReader file(document, source, ErrorCode::kInvalidArgument);
  const JsonReader sequences = file["sequences"];
  if (sequence >= sequences.Size()) {
    RejectInput(source + ": has " + std::to_string(sequences.Size()) + " sequences, --sequence is " +
                std::to_string(sequence));
  }
  const JsonReader entry = sequences[sequence];
  DropTrace trace;
  trace.eviction_delay = file["eviction_delay"].MaybeInteger<int>(0).value_or(0);
  trace.ids = entry["ids"].Integers<TokenId>(0);
  trace.tokens = entry["tokens"].Texts();
  trace.prompt_tokens = entry["prompt_tokens"].MaybeInteger<size_t>(0, trace.size()).value_or(trace.size());
  const JsonReader layers = entry["layers"];
  for (size_t l = 0; l < layers.Size(); ++l) {
    trace.layers.push_back({layers[l]["dropped_at"].Integers<int32_t>(-1), Scores(layers[l]["dropped_by_score"])});
  }
  CheckTrace(trace, source + ": sequences[" + std::to_string(sequence) + "]");
  return trace;
}

}  // namespace dcp::tools
