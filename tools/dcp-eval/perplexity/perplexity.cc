#include "dcp-eval/perplexity/perplexity.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <ostream>
#include <set>

#include "common/files.h"
#include "common/measure.h"
#include "common/progress.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

ScoredWindows ScoreAll(Session& session, ThreadPool& pool, int batch, std::span<const Document> documents,
                       std::span<const Window> windows, ToolIo& io) {
  double total = 0;
  for (const Window& window : windows) total += static_cast<double>(window.length());
  Progress progress(io.err, {"scoring", "tokens", total, io.err_is_terminal, {}});
  WindowScorer scorer(session, pool, static_cast<size_t>(batch));
  return scorer.Score(documents, windows, [&](size_t fed_tokens) {
    progress.Update(static_cast<double>(fed_tokens));
    return !io.interrupted;
  });
}

Json ReportDocument(const PerplexityReport& report, const WindowShape& shape, const Session& session,
                    const ScoredWindows& scored, double seconds) {
  Json document;
  document["tokens"] = report.tokens;
  // A single token has no predecessor to be predicted from: a valid text, with nothing to average.
  document["nll"] = report.tokens > 0 ? Json(report.nll) : Json();
  document["perplexity"] = report.tokens > 0 ? Json(report.perplexity) : Json();
  document["context"] = shape.context;
  document["stride"] = shape.stride;
  document["policy"] = session.policy().name();
  document["sparsity"] = report.sparsity;
  Json& sparsity_at = document["sparsity_at"] = Json::object();
  for (size_t i = 0; i < kSparsityContexts.size(); ++i) {
    if (report.sparsity_at[i]) sparsity_at[std::to_string(kSparsityContexts[i])] = *report.sparsity_at[i];
  }
  document["kv_bytes_reserved"] = scored.peak_reserved_bytes;
  document["kv_bytes_dense"] = scored.peak_dense_bytes;
  document["windows"] = report.windows;
  document["documents"] = report.documents;
  document["seconds"] = seconds;
  document["tokens_per_s"] = seconds > 0 ? static_cast<double>(scored.fed_tokens) / seconds : 0;
  return document;
}

// The same for people.
std::string ReportTable(const Json& document) {
  std::string table;
  const auto row = [&table](const char* name, const std::string& value) {
    char line[160];
    std::snprintf(line, sizeof line, "%-22s %s\n", name, value.c_str());
    table += line;
  };
  const auto number = [](const Json& value, const char* format) {
    if (value.is_null()) return std::string("-");
    char text[48];
    std::snprintf(text, sizeof text, format, value.get<double>());
    return std::string(text);
  };
  row("policy", document["policy"].get<std::string>());
  row("perplexity", number(document["perplexity"], "%.4f"));
  row("nll per token", number(document["nll"], "%.6f"));
  row("scored tokens", number(document["tokens"], "%.0f"));
  row("context, stride", number(document["context"], "%.0f") + ", " + number(document["stride"], "%.0f"));
  row("windows, documents", number(document["windows"], "%.0f") + ", " + number(document["documents"], "%.0f"));
  row("sparsity at the end", number(document["sparsity"], "%.4f"));
  for (const auto& [context, sparsity] : document["sparsity_at"].items()) {
    row(("sparsity at " + context).c_str(), number(sparsity, "%.4f"));
  }
  row("KV cache, peak", HumanBytes(document["kv_bytes_reserved"].get<double>()));
  row("KV cache, dense", HumanBytes(document["kv_bytes_dense"].get<double>()));
  row("speed", number(document["tokens_per_s"], "%.0f") + " tokens/s");
  return table;
}

std::string PerTokenArray(std::span<const WindowScore> scores) {
  std::vector<double> all;
  for (const WindowScore& score : scores) all.insert(all.end(), score.nll.begin(), score.nll.end());
  return Dump(all);
}

}  // namespace

PerplexityReport Summarise(std::span<const Window> windows, std::span<const WindowScore> scores) {
  PerplexityReport report;
  std::array<size_t, kSparsityContexts.size()> reached = {};
  std::set<size_t> documents;
  for (size_t i = 0; i < windows.size(); ++i) {
    const WindowScore& score = scores[i];
    if (!score.done) continue;
    ++report.windows;
    documents.insert(windows[i].document);
    report.tokens += score.nll.size();
    for (const double nll : score.nll) report.nll += nll;
    report.sparsity += score.sparsity;
    for (size_t k = 0; k < reached.size(); ++k) {
      if (!score.sparsity_at[k]) continue;
      report.sparsity_at[k] = report.sparsity_at[k].value_or(0) + *score.sparsity_at[k];
      ++reached[k];
    }
  }
  if (report.windows == 0) return report;
  report.nll /= static_cast<double>(report.tokens);
  report.sparsity /= static_cast<double>(report.windows);
  for (size_t k = 0; k < reached.size(); ++k) {
    if (reached[k] != 0) *report.sparsity_at[k] /= static_cast<double>(reached[k]);
  }
  report.perplexity = std::exp(report.nll);
  report.documents = documents.size();
  return report;
}

int RunPerplexity(const PerplexityOptions& options, ToolIo& io) {
  CheckTextOptions(options.text);
  const auto per_token = options.per_token_file ? std::make_unique<OutputFile>(*options.per_token_file) : nullptr;
  const auto model = LoadModel(options.model, io);
  const WindowShape shape = ResolveShape(options.text, *model);
  ThreadPool pool(options.model.threads);
  Session session(model, pool, MakeSessionOptions(options.model, *model));
  const std::vector<Document> documents = ReadDocuments(options.text, options.model, *model, io);
  const std::vector<Window> windows = CutWindows(documents, shape, io);

  const auto start = std::chrono::steady_clock::now();
  const ScoredWindows scored = ScoreAll(session, pool, options.text.batch, documents, windows, io);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const PerplexityReport report = Summarise(windows, scored.windows);
  if (report.windows < windows.size()) {
    io.err << "dcp-eval: interrupted after " << report.windows << " of " << windows.size() << " windows\n";
    if (report.windows == 0) return kExitInterrupted;
  } else if (per_token) {
    per_token->Commit(PerTokenArray(scored.windows));
  }
  const Json document = ReportDocument(report, shape, session, scored, seconds);
  WriteOut(io, options.json ? Dump(document) : ReportTable(document));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace dcp::tools
