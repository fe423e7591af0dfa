#include "dcp-generate/report.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <span>

#include "common/measure.h"

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

// Ids that went through the model: a sequence that was cut short may not have been fed at all.
std::vector<TokenId> FedIds(const GeneratedSequence& sequence) {
  std::vector<TokenId> ids = sequence.prompt_ids;
  ids.insert(ids.end(), sequence.generated_ids.begin(), sequence.generated_ids.end());
  const size_t fed = sequence.drops.empty() ? 0 : sequence.drops.front().dropped_at.size();
  ids.resize(std::min(ids.size(), fed));
  return ids;
}

Json TokenTexts(std::span<const TokenId> ids, const Tokenizer* tokenizer) {
  Json texts = Json::array();
  if (tokenizer == nullptr) return texts;
  // A model's vocabulary may be padded beyond its tokenizer's.
  for (const TokenId id : ids) texts.push_back(id < tokenizer->vocab_size() ? tokenizer->TokenBytes(id) : "");
  return texts;
}

Json LayerEntry(const DropLog& log) {
  Json entry;
  entry["dropped_at"] = log.dropped_at;
  Json& scores = entry["dropped_by_score"] = Json::array();
  for (const float score : log.score) scores.push_back(ShortestDouble(score));  // NaN becomes null
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

Json TraceDocument(const GenerateResult& result, int eviction_delay, const Tokenizer* tokenizer) {
  Json document;
  if (eviction_delay > 0) document["eviction_delay"] = eviction_delay;
  Json& sequences = document["sequences"] = Json::array();
  for (const GeneratedSequence& sequence : result.sequences) {
    const std::vector<TokenId> ids = FedIds(sequence);
    Json entry;
    entry["prompt_tokens"] = std::min(sequence.prompt_ids.size(), ids.size());
    entry["ids"] = ids;
    entry["tokens"] = TokenTexts(ids, tokenizer);
    Json& layers = entry["layers"] = Json::array();
    for (const DropLog& log : sequence.drops) layers.push_back(LayerEntry(log));
    sequences.push_back(std::move(entry));
  }
  return document;
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
