#include "dcp-generate/report.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "common/measure.h"
#include "common/trace.h"

namespace dcp::tools {
namespace {

Json SequenceEntry(const GeneratedSequence& sequence) {
  Json entry;
  entry["prompt_ids"] = sequence.prompt_ids;
  entry["generated_ids"] = sequence.generated_ids;
  entry["text"] = sequence.text;
  entry["finish_reason"] = ToString(sequence.finish_reason);
  entry["kept"] = sequence.kept;
  return entry;
}

Json StatsEntry(const GenerateStats& stats) {
  Json entry;
  entry["prefill_tokens"] = stats.prefill_tokens;
  entry["prefill_seconds"] = stats.prefill_seconds;
  entry["decode_tokens"] = stats.decode_tokens;
  entry["decode_seconds"] = stats.decode_seconds;
  entry["decode_ms_p50"] = 1e3 * Quantile(stats.decode_step_seconds, 0.5);
  entry["decode_ms_p95"] = 1e3 * Quantile(stats.decode_step_seconds, 0.95);
  entry["sparsity"] = stats.sparsity;
  entry["kv_bytes_live"] = stats.cache.live_bytes;
  entry["kv_bytes_reserved"] = stats.cache.reserved_bytes;
  entry["kv_bytes_dense"] = stats.cache.dense_bytes;
  entry["peak_rss_bytes"] = PeakRssBytes();
  return entry;
}

// Number of earlier tokens that the last fed one had.
int64_t LastContext(const GeneratedSequence& sequence) {
  const auto tokens = static_cast<int64_t>(sequence.prompt_ids.size() + sequence.generated_ids.size());
  return std::max<int64_t>(0, tokens - 2);
}

std::string ContextRange(const GenerateResult& result) {
  int64_t low = std::numeric_limits<int64_t>::max();
  int64_t high = 0;
  for (const GeneratedSequence& sequence : result.sequences) {
    low = std::min(low, LastContext(sequence));
    high = std::max(high, LastContext(sequence));
  }
  return low >= high ? "context " + std::to_string(high)
                     : "contexts " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace

Json ResultDocument(const GenerateResult& result, const Session& session, const std::string& model, int threads) {
  Json document;
  document["model"] = model;
  document["policy"] = session.policy().name();
  document["weights"] = ToString(session.model().weight_type());
  document["kv"] = ToString(session.options().kv_type);
  document["threads"] = threads;
  Json& sequences = document["sequences"] = Json::array();
  for (const GeneratedSequence& sequence : result.sequences) sequences.push_back(SequenceEntry(sequence));
  document["stats"] = StatsEntry(result.stats);
  return document;
}

Json TracesDocument(const GenerateResult& result, int eviction_delay, const Tokenizer* tokenizer) {
  std::vector<DropTrace> traces;
  for (const GeneratedSequence& sequence : result.sequences) {
    traces.push_back(TraceOf(sequence, eviction_delay, tokenizer));
  }
  return TraceFile(traces);
}

Json LogitsDocument(const GenerateResult& result) {
  Json document;
  Json& sequences = document["sequences"] = Json::array();
  for (const GeneratedSequence& sequence : result.sequences) {
    Json logits = Json::array();
    for (const float logit : sequence.prompt_logits) logits.push_back(ShortestDouble(logit));
    sequences.push_back(Json{{"prompt_logits", std::move(logits)}});
  }
  return document;
}

std::string SummaryLine(const GenerateResult& result) {
  const GenerateStats& stats = result.stats;
  size_t tokens = 0;
  for (const GeneratedSequence& sequence : result.sequences) tokens += sequence.generated_ids.size();
  const double rate = stats.decode_seconds > 0 ? static_cast<double>(stats.decode_tokens) / stats.decode_seconds : 0;
  char text[320];
  std::snprintf(text, sizeof text, "%zu tokens, %.1f tokens/s; sparsity %.3f at %s; KV cache %s reserved, %s dense\n",
                tokens, rate, stats.sparsity, ContextRange(result).c_str(),
                HumanBytes(static_cast<double>(stats.cache.reserved_bytes)).c_str(),
                HumanBytes(static_cast<double>(stats.cache.dense_bytes)).c_str());
  return text;
}

}  // namespace dcp::tools
