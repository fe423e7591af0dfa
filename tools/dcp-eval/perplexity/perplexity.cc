// dcp-eval perplexity: how well a model predicts texts under a policy, and what that costs in memory.
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "common/format.h"
#include "common/measure.h"
#include "common/model_options.h"
#include "common/option_group.h"
#include "common/progress.h"
#include "common/ranks/ranks.h"
#include "common/report_file.h"
#include "dcp-eval/scoring/blocks.h"
#include "dcp-eval/scoring/summary.h"
#include "dcp-eval/scoring/texts.h"
#include "dcp-eval/scoring/window_scorer.h"
#include "dcp-eval/subcommands.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {
    "perplexity", "exp of the mean negative log-likelihood per token, over sliding windows of the texts",
    "Examples:\n"
    "  dcp-eval perplexity --model models/books --text books/ --json\n"
    "  dcp-eval perplexity --model models/books --text a.txt --policy window:64 --context 256 --stride 128\n"
    "  dcp-eval perplexity --model gpt2 --text wikitext-2-test.txt --detokenize wikitext --bos --rolling\n"
    "  dcp-eval perplexity --model gpt2 --text a.txt --policy h2o:20%\n"
    "  dcp-eval perplexity --model models/books --ids ids.json --per-token nll.json\n"
    "\n"
    "bits_per_byte, bits_per_character and word_perplexity divide the NLL of all scored tokens by the bytes, code\n"
    "points and words (runs of white space, and 1) of the texts, as lm-evaluation-harness does; they do not depend on\n"
    "the tokenizer, and are null with --ids. Shares like h2o:20% are shares of --context.\n"};

struct Options {
  ModelToolOptions model;
  CorpusOptions text;
  std::optional<std::string> per_token_file;
  std::optional<std::string> resume_file;
  bool json = false;
};

void AddOptions(CLI::App& app, Options& options) {
  AddCorpusOptions(app, options.text);
  AddModelOptions(app, options.model);
  const OptionGroup add(app, "Output");
  add.Flag("--json", options.json, "One JSON document instead of a table");
  add("--per-token", options.per_token_file, "Write the NLL of each scored token, as a JSON array", "FILE");
  AddResume(add, options.resume_file);
}

BlockScores ScoreAll(const ScoringPlan& plan, std::span<const Document> documents, std::span<const Window> windows,
                     ResultStore& store, ToolIo& io) {
  double total = 0;
  for (const Window& window : windows) total += static_cast<double>(window.fed());
  Progress progress(io.err, {"scoring", "tokens", total, io.err_is_terminal, {}});
  return ScoreWindows(plan, documents, windows, store, progress, io);
}

// The text that was scored, in units that do not depend on a tokenizer.
std::optional<TextSize> ScoredText(std::span<const Document> documents, std::span<const Window> windows) {
  std::set<size_t> scored;
  for (const Window& window : windows) scored.insert(window.document);
  TextSize sum;
  for (const size_t document : scored) {
    if (!documents[document].size) return std::nullopt;
    sum += *documents[document].size;
  }
  return sum;
}

// All tokens that were scored over all of the text, as lm-evaluation-harness takes them - also where the first token,
// which nothing predicts, is not among them.
void AddTextMeasures(double nll, const std::optional<TextSize>& text, TableRow& row) {
  const auto per = [&](size_t TextSize::*unit) { return nll / static_cast<double>((*text).*unit); };
  const auto bits = [&](size_t TextSize::*unit) { return text ? Json(per(unit) / std::log(2.0)) : Json(nullptr); };
  row.Add("bits_per_byte", bits(&TextSize::bytes)).Show("bits per byte", "%.4f");
  row.Add("bits_per_character", bits(&TextSize::characters)).Show("bits per character", "%.4f");
  row.Add("word_perplexity", text ? Json(std::exp(per(&TextSize::words))) : Json(nullptr))
      .Show("word perplexity", "%.4f");
  const auto count = [&](size_t TextSize::*unit) { return text ? Json((*text).*unit) : Json(nullptr); };
  row.Add("bytes", count(&TextSize::bytes)).Show("bytes", "%.0f");
  row.Add("characters", count(&TextSize::characters)).Show("characters", "%.0f");
  row.Add("words", count(&TextSize::words)).Show("words", "%.0f");
}

TableRow ReportRow(const PerplexityReport& report, const std::optional<TextSize>& text, const WindowShape& shape,
                   const std::string& policy, const BlockScores& scored, double seconds) {
  // A single token has no predecessor to be predicted from: a valid text, with nothing to average.
  const auto mean = [&](double value) { return report.tokens > 0 ? Json(value) : Json(nullptr); };
  TableRow row;
  row.Add("policy", policy).Show("policy");
  row.Add("tokens", report.tokens).Show("scored tokens", "%.0f");
  row.Add("nll", mean(report.nll)).Show("nll per token", "%.6f");
  row.Add("perplexity", mean(report.perplexity)).Show("perplexity", "%.4f");
  AddTextMeasures(report.nll * static_cast<double>(report.tokens), text, row);
  row.Add("context", shape.context).Add("stride", shape.stride);
  row.ShowText("context, stride", Format("%d, %d", shape.context, shape.stride));
  row.Add("windows", report.windows).Add("documents", report.documents);
  row.ShowText("windows, documents", Format("%zu, %zu", report.windows, report.documents));
  AddSparsity(report, row);
  row.Add("kv_bytes_reserved", scored.peak_reserved_bytes).ShowBytes("KV cache, peak");
  row.Add("kv_bytes_dense", scored.peak_dense_bytes).ShowBytes("KV cache, dense");
  row.Add("seconds", seconds);
  const auto fed_now = static_cast<double>(scored.fed_tokens - scored.kept_tokens);
  row.Add("tokens_per_s", seconds > 0 ? fed_now / seconds : 0).Show("tokens/s", "%.0f");
  return row;
}

std::string PerTokenArray(std::span<const WindowScore> scores) {
  std::vector<double> all;
  for (const WindowScore& score : scores) all.insert(all.end(), score.nll.begin(), score.nll.end());
  return Dump(all);
}

int Run(const Options& options, ToolIo& io) {
  CheckCorpusOptions(options.text);
  ReportFile per_token(options.per_token_file, io);
  ResultStore store(options.resume_file);
  const auto model = LoadModel(options.model, io);
  const WindowShape shape = ResolveShape(options.text, *model);
  ThreadPool pool(Ranks::Ours().ThreadsFor(options.model.threads));
  const SessionOptions session_options = MakeSessionOptions(options.model, *model, shape.context);
  const Session session(model, pool, session_options);
  const ScoringPlan plan{[&] { return Session(model, pool, session_options); }, pool, options.text.batch,
                         ScoringKey(session, ResolvePolicy(options.model, *model).threshold)};
  const std::vector<Document> documents = ReadDocuments(options.text, options.model, *model, io);
  const std::vector<Window> windows = CutWindows(documents, shape, io);

  const double start = SecondsNow();
  const BlockScores scored = ScoreAll(plan, documents, windows, store, io);
  const double seconds = SecondsNow() - start;

  if (!Ranks::Ours().first()) return io.interrupted ? kExitInterrupted : kExitDone;
  const PerplexityReport report = Summarise(windows, scored.windows);
  if (report.windows < windows.size()) {
    io.err << "dcp-eval: interrupted after " << report.windows << " of " << windows.size() << " windows\n";
    if (report.windows == 0) return kExitInterrupted;
  } else if (per_token) {
    per_token.Commit(PerTokenArray(scored.windows));
  }
  const bool whole = report.windows == windows.size();
  const auto text = whole && report.tokens > 0 ? ScoredText(documents, windows) : std::nullopt;
  const TableRow row = ReportRow(report, text, shape, session.policy().name(), scored, seconds);
  WriteOut(io, options.json ? Dump(row.json()) : ToListing(row));
  return io.interrupted ? kExitInterrupted : kExitDone;
}

}  // namespace

Subcommand PerplexityCommand() { return MakeSubcommand(kText, AddOptions, Run); }

}  // namespace dcp::tools
