#include "dcp-eval/scoring/continuations.h"

#include <algorithm>
#include <utility>

#include "common/tool.h"
#include "dcp-eval/scoring/likelihood.h"
#include "dcp-eval/scoring/text_rules.h"

namespace dcp::tools {
namespace {

constexpr size_t kMaxCopiedTokens = 8192;  // contexts copied at a time, in tokens; at least one question's

}  // namespace

IdPair EncodePair(std::string_view context, std::string_view continuation, const Tokenizer& tokenizer,
                  const std::string& source) {
  const std::string whole = std::string(context) + std::string(continuation);
  const std::string_view kept = StripRight(context);
  IdPair pair;
  pair.continuation = tokenizer.Encode(whole);
  if (kept.empty()) {
    if (!tokenizer.end_of_text())
      RejectInput(source + ": has no context, and the tokenizer has no <|endoftext|> for it");
    pair.context = {*tokenizer.end_of_text()};
  } else {
    pair.context = tokenizer.Encode(kept);
    const size_t taken = std::min(pair.context.size(), pair.continuation.size());
    pair.continuation.erase(pair.continuation.begin(), pair.continuation.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (pair.continuation.empty()) {
    RejectInput(source + ": " + Quote(continuation) + " adds 0 tokens to its context, at least 1 is needed");
  }
  return pair;
}

size_t CutLeft(IdPair& pair, int positions, const std::string& source) {
  const auto limit = static_cast<size_t>(positions);
  if (pair.continuation.size() > limit) {
    RejectInput(source + ": the continuation has " + std::to_string(pair.continuation.size()) +
                " tokens, the model has " + std::to_string(limit) + " positions");
  }
  const size_t room = limit + 1 - pair.continuation.size();
  if (pair.context.size() <= room) return 0;
  const size_t cut = pair.context.size() - room;
  pair.context.erase(pair.context.begin(), pair.context.begin() + static_cast<std::ptrdiff_t>(cut));
  return cut;
}

ContinuationScorer::ContinuationScorer(Session& session, ThreadPool& pool, size_t batch)
    : session_(session), pool_(pool), batch_(batch) {}

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
      if (!FeedTails(tails, go_on)) {
        scores.resize(done);
        return scores;
      }
      for (const Tail& tail : tails) session_.Finish(tail.sequence);
    }
  }
  return scores;
}

bool ContinuationScorer::FeedContexts(std::span<const Question> questions, std::vector<SequenceId>& sequences,
                                      const Continue& go_on) {
  std::vector<FeedItem> items;
  for (const Question& question : questions) {
    sequences.push_back(session_.Add());
    const auto tokens = std::span(question.context).first(question.context.size() - 1);
    if (!tokens.empty()) items.push_back({sequences.back(), tokens, LogitsMode::kNone});
  }
  return session_.Prefill(items, [&](std::span<const PassPart> parts) { return go_on(CountFed(parts)); });
}

// Returns the tokens of the copies.
size_t ContinuationScorer::AddTails(const Question& question, SequenceId sequence,
                                    std::vector<ContinuationScore>& scores, std::vector<Tail>& tails) {
  scores.resize(question.continuations.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool last = i + 1 == scores.size();  // takes the original, once nobody copies it any more
    const auto& continuation = question.continuations[i];
    Tail& tail =
        tails.emplace_back(Tail{&question, &continuation, last ? sequence : session_.Clone(sequence), &scores[i], {}});
    tail.tokens = {question.context.back()};
    tail.tokens.insert(tail.tokens.end(), continuation.begin(), continuation.end() - 1);
    scores[i].fed = question.context.size() - 1 + tail.tokens.size();
    scores[i].token_nll.resize(continuation.size());
    scores[i].greedy = true;
  }
  return question.context.size() * scores.size();
}

bool ContinuationScorer::FeedTails(std::span<const Tail> tails, const Continue& go_on) {
  std::vector<FeedItem> items;
  for (const Tail& tail : tails) items.push_back({tail.sequence, tail.tokens, LogitsMode::kAll});
  return session_.Prefill(items, [&](std::span<const PassPart> parts) {
    Record(tails, parts);
    for (const PassPart& part : parts) {
      const Tail& tail = tails[part.item];
      if (part.end == tail.tokens.size()) tail.score->sparsity = session_.cache().Sparsity(tail.sequence);
    }
    return go_on(CountFed(parts));
  });
}

size_t ContinuationScorer::CountFed(std::span<const PassPart> parts) {
  for (const PassPart& part : parts) fed_ += part.end - part.begin;
  return fed_;
}

// Scores the tokens that the logits of a pass predict.
void ContinuationScorer::Record(std::span<const Tail> tails, std::span<const PassPart> parts) {
  std::vector<Prediction> predictions;
  std::vector<ContinuationScore*> scores;  // as the predictions
  for (const PassPart& part : parts) {
    const Tail& tail = tails[part.item];
    const Question& question = *tail.question;
    for (size_t i = part.begin; i < part.end; ++i) {
      predictions.push_back({part.logits.row(i - part.begin), (*tail.continuation)[i], &question.name,
                             question.context.size() + i, &tail.score->token_nll[i]});
      scores.push_back(tail.score);
    }
  }
  ScorePredictions(pool_, predictions);
  for (size_t i = 0; i < predictions.size(); ++i) {
    scores[i]->nll += *predictions[i].nll;
    scores[i]->greedy &= predictions[i].most_likely;
  }
}

}  // namespace dcp::tools
