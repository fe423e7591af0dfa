#include "dcp-eval/scoring/window_scorer.h"

#include <algorithm>

#include "dcp-eval/scoring/likelihood.h"

namespace dcp::tools {
namespace {

// The position in the window whose logits predict its first scored token.
size_t FirstPredicting(const Window& window) { return window.first_scored - window.begin - 1; }

}  // namespace

WindowScorer::WindowScorer(Session& session, ThreadPool& pool, size_t batch)
    : session_(session), pool_(pool), batch_(batch) {}

std::span<const TokenId> WindowScorer::IdsOf(const Window& window) const {
  return std::span(documents_[window.document].ids).subspan(window.begin, window.length());
}

// Where feeding stops: where sparsity is wanted, and before the first token whose logits are. So chunks are cut by the
// window alone, whatever runs beside it.
size_t WindowScorer::NextStop(const Window& window, size_t fed) const {
  size_t stop = window.fed();
  if (fed < FirstPredicting(window)) stop = std::min(stop, FirstPredicting(window));
  for (const size_t context : kSparsityContexts) {
    if (fed < context + 1) stop = std::min(stop, context + 1);
  }
  return stop;
}

ScoredWindows WindowScorer::Score(std::span<const Document> documents, std::span<const Window> windows,
                                  const Continue& go_on) {
  documents_ = documents;
  windows_ = windows;
  result_ = {};
  result_.windows.resize(windows.size());
  std::vector<Running> running;
  size_t next = 0;
  for (bool ended = false; !ended && (next < windows.size() || !running.empty());) {
    for (; next < windows.size() && running.size() < batch_; ++next) running.push_back({next, session_.Add()});
    ended = !FeedToNextStop(running, go_on);
    std::erase_if(running, [this](const Running& one) {
      const bool done = result_.windows[one.window].done;
      if (done) session_.Finish(one.sequence);
      return done;
    });
  }
  for (const Running& one : running) session_.Finish(one.sequence);
  return std::move(result_);
}

bool WindowScorer::FeedToNextStop(std::span<Running> running, const Continue& go_on) {
  std::vector<FeedItem> items;
  for (const Running& one : running) {
    const Window& window = windows_[one.window];
    const std::span<const TokenId> tokens = IdsOf(window).subspan(one.fed, NextStop(window, one.fed) - one.fed);
    items.push_back({one.sequence, tokens, one.fed >= FirstPredicting(window) ? LogitsMode::kAll : LogitsMode::kNone});
  }
  return session_.Prefill(items, [&](std::span<const PassPart> parts) {
    Record(running, parts);
    for (const PassPart& part : parts) {
      Running& one = running[part.item];
      one.fed += part.end - part.begin;
      result_.fed_tokens += part.end - part.begin;
      if (part.end == items[part.item].tokens.size()) Measure(one);
    }
    const CacheStats stats = session_.cache().Stats();
    result_.peak_reserved_bytes = std::max(result_.peak_reserved_bytes, stats.reserved_bytes);
    result_.peak_dense_bytes = std::max(result_.peak_dense_bytes, stats.dense_bytes);
    return go_on(result_.fed_tokens);
  });
}

// Scores the tokens that the logits of a pass predict.
void WindowScorer::Record(std::span<const Running> running, std::span<const PassPart> parts) {
  std::vector<Prediction> predictions;
  for (const PassPart& part : parts) {
    const Running& one = running[part.item];
    const Window& window = windows_[one.window];
    const Document& document = documents_[window.document];
    std::vector<double>& nll = result_.windows[one.window].nll;
    nll.resize(window.end - window.first_scored);
    for (size_t row = 0; row < part.logits.rows(); ++row) {
      const size_t token = window.begin + one.fed + row + 1;
      if (token == window.end) break;
      predictions.push_back(
          {part.logits.row(row), document.ids[token], &document.name, token, &nll[token - window.first_scored]});
    }
  }
  ScorePredictions(pool_, predictions);
}

void WindowScorer::Measure(const Running& running) {
  const Window& window = windows_[running.window];
  WindowScore& score = result_.windows[running.window];
  const bool last = running.fed == window.fed();
  for (size_t i = 0; i < kSparsityContexts.size(); ++i) {
    if (running.fed == kSparsityContexts[i] + 1) score.sparsity_at[i] = session_.cache().Sparsity(running.sequence);
  }
  if (last) score.sparsity = session_.cache().Sparsity(running.sequence);
  if (last && session_.options().record_drops) score.kept = MeanKept(running);
  score.done = last;
}

// A token that was dropped at d is missing when tokens d, d+1, ... attend; of those count the ones that predict.
double WindowScorer::MeanKept(const Running& running) const {
  const Window& window = windows_[running.window];
  const size_t first = FirstPredicting(window);
  const size_t end = window.length() - 1;
  size_t missing = 0;
  for (int layer = 0; layer < session_.cache().layers(); ++layer) {
    for (const int32_t dropped_at : session_.Drops(layer, running.sequence).dropped_at) {
      if (dropped_at < 0) continue;
      const size_t from = std::max(first, static_cast<size_t>(dropped_at));
      missing += end - std::min(from, end);
    }
  }
  const auto predicting = static_cast<double>(end - first);
  const double seen = static_cast<double>(first + 1 + end) / 2;  // mean of n + 1
  return seen - static_cast<double>(missing) / predicting / session_.cache().layers();
}

}  // namespace dcp::tools
