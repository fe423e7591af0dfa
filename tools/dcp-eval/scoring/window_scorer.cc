#include "dcp-eval/scoring/window_scorer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

// Logits of one pass, all sequences together: as many sequences as fit share it.
constexpr size_t kMaxLogitBytes = size_t{64} << 20;

// The position in the window whose logits predict its first scored token.
size_t FirstPredicting(const Window& window) { return window.first_scored - window.begin - 1; }

}  // namespace

double NegativeLogLikelihood(std::span<const float> logits, TokenId target) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[static_cast<size_t>(target)];
}

WindowScorer::WindowScorer(Session& session, ThreadPool& pool, size_t batch)
    : session_(session), pool_(pool), batch_(batch) {}

std::span<const TokenId> WindowScorer::IdsOf(const Window& window) const {
  return std::span(documents_[window.document].ids).subspan(window.begin, window.length());
}

// A pass is one chunk of a sequence. It also ends where sparsity is wanted, and before the first token whose logits
// are: so it is cut by the window alone, whatever runs beside it.
size_t WindowScorer::NextStop(const Window& window, size_t fed) const {
  size_t stop = std::min(window.length(), fed + static_cast<size_t>(session_.options().prefill_chunk));
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
  const size_t row_bytes = static_cast<size_t>(session_.model().config().vocab_size) * sizeof(float);
  const size_t pass_bytes = row_bytes * static_cast<size_t>(session_.options().prefill_chunk);
  const size_t group = std::max<size_t>(1, kMaxLogitBytes / pass_bytes);

  std::vector<Running> running;
  size_t next = 0;
  while (next < windows.size() || !running.empty()) {
    for (; next < windows.size() && running.size() < batch_; ++next) running.push_back({next, session_.Add()});
    for (size_t i = 0; i < running.size(); i += group) {
      Feed(std::span(running).subspan(i, std::min(group, running.size() - i)));
    }
    const CacheStats stats = session_.cache().Stats();
    result_.peak_reserved_bytes = std::max(result_.peak_reserved_bytes, stats.reserved_bytes);
    result_.peak_dense_bytes = std::max(result_.peak_dense_bytes, stats.dense_bytes);
    std::erase_if(running, [this](const Running& one) {
      const bool done = result_.windows[one.window].done;
      if (done) session_.Finish(one.sequence);
      return done;
    });
    if (!go_on(result_.fed_tokens)) break;
  }
  for (const Running& one : running) session_.Finish(one.sequence);
  return std::move(result_);
}

void WindowScorer::Feed(std::span<Running> group) {
  std::vector<FeedItem> items;
  for (Running& one : group) {
    const Window& window = windows_[one.window];
    one.feed_to = NextStop(window, one.fed);
    FeedItem& item = items.emplace_back();
    item.sequence = one.sequence;
    item.tokens = IdsOf(window).subspan(one.fed, one.feed_to - one.fed);
    item.logits = one.fed >= FirstPredicting(window) ? LogitsMode::kAll : LogitsMode::kNone;
    result_.fed_tokens += item.tokens.size();
  }
  Record(group, session_.Prefill(items));
  for (Running& one : group) {
    one.fed = one.feed_to;
    Measure(one);
  }
}

// Scores the tokens that the rows of `logits` predict.
void WindowScorer::Record(std::span<Running> group, const Logits& logits) {
  struct Prediction {
    size_t row;
    TokenId target;
    size_t document;
    double* nll;
  };
  std::vector<Prediction> predictions;
  size_t row = 0;
  for (const Running& one : group) {
    const Window& window = windows_[one.window];
    if (one.fed < FirstPredicting(window)) continue;
    const std::span<const TokenId> ids = IdsOf(window);
    std::vector<double>& nll = result_.windows[one.window].nll;
    nll.resize(window.end - window.first_scored);
    for (size_t i = one.fed; i < one.feed_to; ++i, ++row) {
      if (i + 1 < ids.size())
        predictions.push_back({row, ids[i + 1], window.document, &nll[i - FirstPredicting(window)]});
    }
  }
  pool_.ParallelFor(predictions.size(), [&](size_t i, size_t) {
    *predictions[i].nll = NegativeLogLikelihood(logits.row(predictions[i].row), predictions[i].target);
  });
  for (const Prediction& prediction : predictions) {
    if (std::isfinite(*prediction.nll)) continue;
    throw Error(ErrorCode::kInvalidModel,
                "the model gives a likelihood that is not finite for token id " + std::to_string(prediction.target));
  }
}

void WindowScorer::Measure(Running& running) {
  const Window& window = windows_[running.window];
  WindowScore& score = result_.windows[running.window];
  const bool last = running.fed == window.length();
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
