#include "dcp-inspect/trace/document.h"

#include "dcp-inspect/tokens/token_text.h"

namespace dcp::tools {
namespace {

void AddSummary(const LayerSummary& summary, Json& entry) {
  entry["kept"] = summary.kept;
  entry["sparsity"] = summary.sparsity;
  entry["mean_lifetime"] = summary.mean_lifetime;
}

Json LayerEntry(const DropLog& layer) {
  Json entry;
  entry["dropped_at"] = layer.dropped_at;
  Json& scores = entry["dropped_by_score"] = Json::array();
  for (const float score : layer.score) scores.push_back(ShortestDouble(score));  // NaN becomes null
  const LayerSummary summary = Summarize(layer);
  AddSummary(summary, entry);
  entry["median_lifetime"] = summary.median_lifetime;
  return entry;
}

Json ShownEntries(const std::vector<std::string>& bytes) {
  Json entries = Json::object();
  const std::vector<std::string> shown = ShownTexts(bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (shown[i] == bytes[i]) continue;
    entries[std::to_string(i)] = {{"text", shown[i]}, {"bytes", HexBytes(bytes[i])}};
  }
  return entries;
}

}  // namespace

Json TraceDocument(const DropTrace& trace) {
  Json document;
  document["version"] = 1;
  document["model"] = trace.model;
  document["policy"] = trace.policy;
  if (trace.eviction_delay > 0) document["eviction_delay"] = trace.eviction_delay;
  document["prompt_tokens"] = trace.prompt_tokens;
  document["ids"] = trace.ids;
  document["tokens"] = trace.bytes;
  document["shown"] = ShownEntries(trace.bytes);
  document["tokens_seen"] = trace.tokens();
  AddSummary(SummarizeAll(trace), document);
  Json& layers = document["layers"] = Json::array();
  for (const DropLog& layer : trace.layers) layers.push_back(LayerEntry(layer));
  return document;
}

}  // namespace dcp::tools
