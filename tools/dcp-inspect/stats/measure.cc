#include "dcp-inspect/stats/measure.h"

#include <algorithm>

#include "common/corpus.h"
#include "common/model_tokenizer.h"
#include "common/progress.h"
#include "common/trace.h"
#include "common/windows.h"
#include "dcp-inspect/names.h"
#include "dcp-inspect/stats/collector.h"
#include "dcp-inspect/tokens/token_text.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {
namespace {

struct Shape {
  size_t context;
  size_t horizon;
};

Shape ResolveShape(const StatsOptions& options, const Model& model) {
  const int positions = model.config().n_positions;
  const int context = options.context > 0 ? options.context : positions;
  if (context > positions) {
    RejectInput("--context is " + std::to_string(context) + ", the model has " + std::to_string(positions) +
                " positions");
  }
  const int horizon = options.horizon > 0 ? options.horizon : context / 2;
  if (horizon < 1 || horizon >= context) {
    RejectInput("--horizon is " + std::to_string(horizon) + ", expected 1.." + std::to_string(context - 1) +
                ", less than the context");
  }
  return {static_cast<size_t>(context), static_cast<size_t>(horizon)};
}

std::span<const TokenId> IdsOf(const Window& window, std::span<const Document> documents) {
  return std::span(documents[window.document].ids).subspan(window.begin, window.length());
}

// One line, without the space before a word: " The" and "The" are one dropper.
std::string LabelOf(const std::string& shown) {
  std::string label;
  for (const char c : shown) label += c == '\n' ? "\u21b5" : c == '\t' ? "\u21e5" : std::string(1, c);
  const size_t first = label.find_first_not_of(' ');
  return first == std::string::npos ? "space" : label.substr(first);
}

// Classes, deciles and labels of the tokens of every window.
std::vector<std::vector<StatsToken>> Describe(std::span<const Window> windows, std::span<const Document> documents,
                                              const Tokenizer& tokenizer) {
  std::vector<std::vector<StatsToken>> described;
  std::vector<std::vector<std::string>> words;
  std::map<std::string, size_t> counts;
  for (const Window& window : windows) {
    const std::vector<std::string> bytes = BytesOf(IdsOf(window, documents), &tokenizer);
    const std::vector<TokenKind> kinds = ClassifyTokens(bytes);
    const std::vector<std::string> shown = ShownTexts(bytes);
    std::vector<StatsToken>& tokens = described.emplace_back();
    std::vector<std::string>& window_words = words.emplace_back();
    for (size_t i = 0; i < kinds.size(); ++i) {
      tokens.push_back({kinds[i].token_class, -1, LabelOf(shown[i])});
      window_words.push_back(kinds[i].word);
      if (!kinds[i].word.empty()) ++counts[kinds[i].word];
    }
  }
  const std::map<std::string, int> deciles = WordDeciles(counts);
  for (size_t w = 0; w < described.size(); ++w) {
    for (size_t i = 0; i < described[w].size(); ++i) {
      if (!words[w][i].empty()) described[w][i].decile = deciles.at(words[w][i]);
    }
  }
  return described;
}

// Feeds windows, `batch` at a time.
void RunWindows(Session& session, std::span<const Window> windows, std::span<const Document> documents,
                std::span<const std::vector<StatsToken>> tokens, size_t batch, ToolIo& io, StatsCollector& collector) {
  Progress progress(io.err, {"statistics", "windows", static_cast<double>(windows.size()), io.err_is_terminal, {}});
  for (size_t begin = 0; begin < windows.size(); begin += batch) {
    if (io.interrupted) throw Interrupted{};
    const size_t end = std::min(windows.size(), begin + batch);
    std::vector<FeedItem> items;
    for (size_t w = begin; w < end; ++w) {
      items.push_back({session.Add(), IdsOf(windows[w], documents), LogitsMode::kNone});
    }
    session.Prefill(items);
    for (size_t w = begin; w < end; ++w) {
      const SequenceId sequence = items[w - begin].sequence;
      collector.Add(tokens[w], DropsOf(session, sequence));
      session.Finish(sequence);
    }
    progress.Update(static_cast<double>(end));
  }
}

}  // namespace

CorpusReport MeasureCorpus(const InspectOptions& options, ToolIo& io) {
  const auto model = LoadModel(options.model, io);
  const Shape shape = ResolveShape(options.stats, *model);
  const ModelTokenizer loaded(options.model, *model, io);
  const Tokenizer& tokenizer = loaded.Need("--stats");
  const std::vector<Document> documents =
      ReadTexts(options.source.texts, tokenizer, *model, options.source.max_tokens, io, options.text.encoding());
  const auto windows = SpreadOut(MakeWholeWindows(LengthsOf(documents), shape.context), options.stats.windows);
  if (windows.empty()) {
    RejectInput("--text: no document has " + std::to_string(shape.context) + " tokens, as --context asks; longest of " +
                std::to_string(documents.size()) + ": " +
                std::to_string(std::ranges::max_element(documents, {}, [](const Document& d) {
                                 return d.ids.size();
                               })->ids.size()));
  }
  const auto tokens = Describe(windows, documents, tokenizer);

  ThreadPool pool(options.model.threads);
  SessionOptions session_options = MakeSessionOptions(options.model, *model);
  session_options.record_drops = true;
  Session session(model, pool, session_options);
  StatsCollector collector(static_cast<size_t>(model->config().n_layer), shape.context, shape.horizon,
                           session.eviction_delay());
  RunWindows(session, windows, documents, tokens, options.stats.batch, io, collector);
  return {ModelName(options.model), session.policy().name(), session.eviction_delay(),
          collector.Finish(options.stats.resamples, options.model.seed)};
}

}  // namespace dcp::tools
