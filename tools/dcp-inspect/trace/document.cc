#include "dcp-inspect/trace/document.h"

#include "dcp-inspect/names.h"
#include "dcp-inspect/tokens/token_text.h"

namespace dcp::tools {
namespace {

void AddSummary(const LayerSummary& summary, Json& entry) {
  entry["kept"] = summary.kept;
  entry["sparsity"] = summary.sparsity;
  entry["mean_lifetime"] = summary.mean_lifetime;
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

Json TraceDocument(const NamedTrace& trace) {
  Json document = BeginDocument(trace.model, trace.policy, trace.eviction_delay);
  Json entry = TraceEntry(trace);
  for (const char* key : {"prompt_tokens", "ids", "tokens"}) document[key] = std::move(entry[key]);
  document["shown"] = ShownEntries(trace.tokens);
  document["tokens_seen"] = trace.size();
  AddSummary(SummarizeAll(trace), document);
  Json& layers = document["layers"] = std::move(entry["layers"]);
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    const LayerSummary summary = Summarize(trace.layers[l]);
    AddSummary(summary, layers[l]);
    layers[l]["median_lifetime"] = summary.median_lifetime;
  }
  return document;
}

}  // namespace dcp::tools
