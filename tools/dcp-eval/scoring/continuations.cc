#include "dcp-eval/scoring/continuations.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dcp-eval/scoring/text_rules.h"
#include "dcp-eval/scoring/window_scorer.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

constexpr size_t kMaxLogitBytes = size_t{64} << 20;  // of one pass
constexpr size_t kMaxRows = 256;                     // of one pass; more would not be faster
constexpr size_t kMaxCopiedTokens = 8192;            // contexts copied at a time, in tokens; at least one question's

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

}  // namespace

IdPair EncodePair(std::string_view context, std::string_view continuation, const Tokenizer& tokenizer,
                  const std::string& source) {
  const std::string whole = std::string(context) + std::string(continuation);
  const std::string_view kept = StripRight(context);
  IdPair pair;
  pair.continuation = tokenizer.Encode(whole);
  if (kept.empty()) {
    if (!tokenizer.end_of_text()) Reject(source + ": has no context, and the tokenizer has no <|endoftext|> for it");
    pair.context = {*tokenizer.end_of_text()};
  } else {
    pair.context = tokenizer.Encode(kept);
    const size_t taken = std::min(pair.context.size(), pair.continuation.size());
    pair.continuation.erase(pair.continuation.begin(), pair.continuation.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (pair.continuation.empty()) {
    Reject(source + ": \"" + std::string(continuation) + "\" adds 0 tokens to its context, at least 1 is needed");
  }
  return pair;
}

size_t CutLeft(IdPair& pair, int positions, const std::string& source) {
  const auto limit = static_cast<size_t>(positions);
  if (pair.continuation.size() > limit) {
    Reject(source + ": the continuation has " + std::to_string(pair.continuation.size()) + " tokens, the model has " +
           std::to_string(limit) + " positions");
  }
  const size_t room = limit + 1 - pair.continuation.size();
  if (pair.context.size() <= room) return 0;
  const size_t cut = pair.context.size() - room;
  pair.context.erase(pair.context.begin(), pair.context.begin() + static_cast<std::ptrdiff_t>(cut));
  return cut;
}

ContinuationScorer::ContinuationScorer(Session& session, ThreadPool& pool, size_t batch)
    : session_(session), pool_(pool), batch_(batch) {
  const size_t row_bytes = static_cast<size_t>(session.model().config().vocab_size) * sizeof(float);
  max_rows_ = std::clamp<size_t>(kMaxLogitBytes / row_bytes, 1, kMaxRows);
}

size_t ContinuationScorer::TokensToFeed(std::span<const Question> questions) {
  size_t tokens = 0;
  for (const Question& question : questions) {
    tokens += question.context.size() - 1;
    for (const auto& continuation : question.continuations) tokens += continuation.size();
  }
  return tokens;
}

QuestionScores ContinuationScorer::Score(std::span<const Question> questions, const Continue& go_on) {
  fed_ = 0;
  QuestionScores scores = ScoreUntilEnded(questions, go_on);
  for (const SequenceId left : session_.cache().Sequences()) session_.Finish(left);
  return scores;
}

QuestionScores ContinuationScorer::ScoreUntilEnded(std::span<const Question> questions, const Continue& go_on) {
  QuestionScores scores;
  scores.reserve(questions.size());  // tails point into it
  for (size_t begin = 0; begin < questions.size(); begin += batch_) {
    const auto batch = questions.subspan(begin, std::min(batch_, questions.size() - begin));
    std::vector<SequenceId> sequences;
    if (!FeedContexts(batch, sequences, go_on)) return scores;
    for (size_t next = 0; next < batch.size();) {
      const size_t done = scores.size();
      std::vector<Tail> tails;
      for (size_t copied = 0; next < batch.size(); ++next) {
        const size_t more = batch[next].context.size() * batch[next].continuations.size();
        if (copied > 0 && copied + more > kMaxCopiedTokens) break;
        copied += AddTails(batch[next], sequences[next], scores.emplace_back(), tails);
      }
      if (FeedTails(tails, go_on)) continue;
      scores.resize(done);
      return scores;
    }
  }
  return scores;
}

// One chunk of every context at a time, so that an interrupt need not wait for all of them.
bool ContinuationScorer::FeedContexts(std::span<const Question> questions, std::vector<SequenceId>& sequences,
                                      const Continue& go_on) {
  const auto chunk = static_cast<size_t>(session_.options().prefill_chunk);
  for (size_t i = 0; i < questions.size(); ++i) sequences.push_back(session_.Add());
  for (size_t fed = 0;; fed += chunk) {
    std::vector<FeedItem> items;
    for (size_t i = 0; i < questions.size(); ++i) {
      const size_t tokens = questions[i].context.size() - 1;
      if (fed >= tokens) continue;
      const auto next = std::span(questions[i].context).subspan(fed, std::min(chunk, tokens - fed));
      items.push_back({sequences[i], next, LogitsMode::kNone});
      fed_ += next.size();
    }
    if (items.empty()) return true;
    session_.Prefill(items);
    if (!go_on(fed_)) return false;
  }
}

// Returns the tokens of the copies.
size_t ContinuationScorer::AddTails(const Question& question, SequenceId sequence,
                                    std::vector<ContinuationScore>& scores, std::vector<Tail>& tails) {
  scores.resize(question.continuations.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool last = i + 1 == scores.size();  // takes the original, once nobody copies it any more
    const auto& continuation = question.continuations[i];
    Tail& tail = tails.emplace_back(Tail{&question, i, last ? sequence : session_.Clone(sequence), &scores[i], {}});
    tail.tokens = {question.context.back()};
    tail.tokens.insert(tail.tokens.end(), continuation.begin(), continuation.end() - 1);
    scores[i].fed = question.context.size() - 1 + tail.tokens.size();
    scores[i].token_nll.resize(continuation.size());
    scores[i].greedy = true;
  }
  return question.context.size() * scores.size();
}

bool ContinuationScorer::FeedTails(std::vector<Tail>& tails, const Continue& go_on) {
  const auto chunk = static_cast<size_t>(session_.options().prefill_chunk);
  for (size_t first = 0; first < tails.size();) {
    std::vector<Tail*> pass;
    std::vector<FeedItem> items;
    for (size_t i = first, rows = 0; i < tails.size(); ++i) {
      const auto next = std::span(tails[i].tokens).subspan(tails[i].fed);
      if (next.empty()) continue;
      const auto piece = next.first(std::min(chunk, next.size()));
      if (!pass.empty() && rows + piece.size() > max_rows_) break;
      rows += piece.size();
      pass.push_back(&tails[i]);
      items.push_back({tails[i].sequence, piece, LogitsMode::kAll});
    }
    FeedPass(pass, items);
    while (first < tails.size() && tails[first].fed == tails[first].tokens.size()) ++first;
    if (!go_on(fed_)) return false;
  }
  return true;
}

void ContinuationScorer::FeedPass(std::span<Tail*> pass, std::span<const FeedItem> items) {
  struct Row {
    Tail* tail;
    size_t token;  // of the continuation
    bool most_likely = false;
  };
  std::vector<Row> rows;
  for (size_t i = 0; i < pass.size(); ++i) {
    for (size_t j = 0; j < items[i].tokens.size(); ++j) rows.push_back({pass[i], pass[i]->fed + j});
  }
  const Logits logits = session_.Prefill(items);
  pool_.ParallelFor(rows.size(), [&](size_t i, size_t) {
    const Tail& tail = *rows[i].tail;
    const TokenId target = tail.question->continuations[tail.continuation][rows[i].token];
    const std::span<const float> row = logits.row(i);
    tail.score->token_nll[rows[i].token] = NegativeLogLikelihood(row, target);
    rows[i].most_likely = std::max_element(row.begin(), row.end()) - row.begin() == target;
  });
  for (const Row& row : rows) {
    const double nll = row.tail->score->token_nll[row.token];
    if (!std::isfinite(nll)) throw Error(ErrorCode::kInvalidModel, "the model gives a likelihood that is not finite");
    row.tail->score->nll += nll;
    row.tail->score->greedy &= row.most_likely;
  }
  for (size_t i = 0; i < pass.size(); ++i) {
    Tail& tail = *pass[i];
    tail.fed += items[i].tokens.size();
    fed_ += items[i].tokens.size();
    if (tail.fed < tail.tokens.size()) continue;
    tail.score->sparsity = session_.cache().Sparsity(tail.sequence);
    session_.Finish(tail.sequence);
  }
}

}  // namespace dcp::tools
