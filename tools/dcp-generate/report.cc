#include "dcp-generate/report.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "common/measure.h"
#include "common/trace.h"

namespace dcp::tools {
namespace {

Json TokenEntry(TokenId id, float logprob, const Tokenizer* tokenizer) {
  Json entry;
  entry["id"] = id;
  if (tokenizer != nullptr) entry["token"] = BytesOf({&id, 1}, tokenizer)[0];
  entry["logprob"] = ShortestDouble(logprob);
  return entry;
}

Json LogprobsEntries(const GeneratedSequence& sequence, const Tokenizer* tokenizer) {
  Json entries = Json::array();
  for (size_t i = 0; i < sequence.logprobs.size(); ++i) {
    Json entry = TokenEntry(sequence.generated_ids[i], sequence.logprobs[i].logprob, tokenizer);
    Json& top = entry["top_logprobs"] = Json::array();
    for (const TokenLogprob& token : sequence.logprobs[i].top) {
      top.push_back(TokenEntry(token.id, token.logprob, tokenizer));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json ScoreEntries(const GeneratedSequence& sequence, const ToolRequest& request) {
  Json entries = Json::array();
  for (size_t i = 0; i < sequence.scores.size(); ++i) {
    const ContinuationScore& score = sequence.scores[i];
    Json entry;
    if (i < request.score_texts.size()) entry["text"] = request.score_texts[i];
    entry["ids"] = request.request.options.continuations[i];
    entry["logprob"] = score.logprob;
    Json& tokens = entry["token_logprobs"] = Json::array();
    for (const float logprob : score.logprobs) tokens.push_back(ShortestDouble(logprob));
    entry["greedy"] = score.greedy;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json SequenceEntry(const GeneratedSequence& sequence, const ReportContext& context) {
  const ToolRequest& request = context.requests[sequence.request];
  Json entry;
  if (!request.id.is_null()) entry["id"] = request.id;
  if (request.request.options.samples > 1) {
    entry["prompt"] = sequence.request;
    entry["sample"] = sequence.sample;
  }
  entry["prompt_ids"] = sequence.prompt_ids;
  entry["generated_ids"] = sequence.generated_ids;
  entry["text"] = sequence.text;
  entry["finish_reason"] = ToString(sequence.finish_reason);
  if (!sequence.error.empty()) entry["error"] = sequence.error;
  entry["kept"] = sequence.kept;
  if (sequence.slides > 0) entry["slides"] = sequence.slides;
  if (sequence.beam_score) entry["beam_score"] = *sequence.beam_score;
  if (request.request.options.logprobs) entry["logprobs"] = LogprobsEntries(sequence, context.tokenizer);
  if (!sequence.scores.empty()) entry["scores"] = ScoreEntries(sequence, request);
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
    if (sequence.finish_reason == FinishReason::kError) continue;
    low = std::min(low, LastContext(sequence));
    high = std::max(high, LastContext(sequence));
  }
  return low >= high ? "context " + std::to_string(high)
                     : "contexts " + std::to_string(low) + " to " + std::to_string(high);
}

std::string SlideNote(int slides) {
  if (slides == 0) return "";
  return "; the last half of the context was read again " + std::to_string(slides) +
         (slides == 1 ? " time" : " times") + ", what lay before it was forgotten (--overflow slide)";
}

}  // namespace

Json ResultDocument(const GenerateResult& result, const ReportContext& context) {
  const Session& session = context.session;
  Json document;
  document["model"] = context.model;
  document["policy"] = session.policy().name();
  document["weights"] = ToString(session.model().weight_type());
  document["kv"] = ToString(session.options().kv_type);
  document["threads"] = context.threads;
  Json& sequences = document["sequences"] = Json::array();
  for (const GeneratedSequence& sequence : result.sequences) sequences.push_back(SequenceEntry(sequence, context));
  document["stats"] = StatsEntry(result.stats);
  return document;
}

Json ResultLine(const GeneratedSequence& sequence, const ReportContext& context) {
  Json line{{"index", sequence.request}};
  const Json entry = SequenceEntry(sequence, context);
  for (const auto& [field, value] : entry.items()) {
    if (field != "kept") line[field] = value;
  }
  return line;
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
  int slides = 0;
  for (const GeneratedSequence& sequence : result.sequences) {
    tokens += sequence.generated_ids.size();
    slides += sequence.slides;
  }
  const double rate = stats.decode_seconds > 0 ? static_cast<double>(stats.decode_tokens) / stats.decode_seconds : 0;
  char text[480];
  std::snprintf(text, sizeof text, "%zu tokens, %.1f tokens/s; sparsity %.3f at %s; KV cache %s reserved, %s dense%s\n",
                tokens, rate, stats.sparsity, ContextRange(result).c_str(),
                HumanBytes(static_cast<double>(stats.cache.reserved_bytes)).c_str(),
                HumanBytes(static_cast<double>(stats.cache.dense_bytes)).c_str(), SlideNote(slides).c_str());
  return text;
}

}  // namespace dcp::tools
