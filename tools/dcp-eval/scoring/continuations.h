// How likely a model finds continuations of a context. Tasks and the recall test are made of this.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_CONTINUATIONS_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_CONTINUATIONS_H_

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/session.h"
#include "dcp/thread_pool.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

// Ids of a context and of what follows it; both hold at least one.
struct IdPair {
  std::vector<TokenId> context;
  std::vector<TokenId> continuation;
};

// As lm-evaluation-harness joins them: white space at the end of the context belongs to the continuation, and the ids
// of the continuation are those of both texts together after as many as the context alone has. An empty context is the
// end-of-text token. Throws dcp::Error beginning with `source` when that leaves no id for one of them.
IdPair EncodePair(std::string_view context, std::string_view continuation, const Tokenizer& tokenizer,
                  const std::string& source);

// Takes ids from the left of the context until all but the last of the continuation (which is predicted, not fed) fit
// `positions`; returns how many. Throws dcp::Error beginning with `source` when the continuation alone is too long.
size_t CutLeft(IdPair& pair, int positions, const std::string& source);

// A context and the continuations that are scored after it, each by itself.
struct Question {
  std::string name;  // as messages name it
  std::vector<TokenId> context;
  std::vector<std::vector<TokenId>> continuations;
};

struct ContinuationScore {
  double nll = 0;                 // of the whole continuation, natural log
  std::vector<double> token_nll;  // of each of its tokens
  bool greedy = false;            // every token is the most likely one (of equals the lowest id)
  double sparsity = 0;            // mean over layers, when the last fed token attends
  size_t fed = 0;                 // tokens, context and continuation, the last not among them
};

// Scores of the questions that were done when the work ended: all of them, or the first few.
using QuestionScores = std::vector<std::vector<ContinuationScore>>;

// Feeds the context without its last token once, and copies its cache for every continuation. Where a request is cut
// is a matter of its own context, so scores are bit for bit those of each continuation run alone (context without its
// last token, then the rest), whatever `batch`, the number of threads, and what else is asked.
class ContinuationScorer {
 public:
  // Told the tokens fed so far; false ends the work.
  using Continue = std::function<bool(size_t fed_tokens)>;

  // Questions run `batch` at a time in `session`, which holds no sequence of others; it and the pool must outlive the
  // scorer.
  ContinuationScorer(Session& session, ThreadPool& pool, size_t batch);

  // REQUIRES: questions fit the model's positions. Throws what Session throws, and dcp::Error(kInvalidModel) naming the
  // question when a likelihood is not finite.
  QuestionScores Score(std::span<const Question> questions, const Continue& go_on);

  // Tokens that Score will feed.
  static size_t TokensToFeed(std::span<const Question> questions);

 private:
  // A continuation that is being fed, the context's last token first.
  struct Tail {
    const Question* question;
    const std::vector<TokenId>* continuation;
    SequenceId sequence;
    ContinuationScore* score;
    std::vector<TokenId> tokens;
  };

  QuestionScores ScoreUntilEnded(std::span<const Question> questions, const Continue& go_on);
  bool FeedContexts(std::span<const Question> questions, std::vector<SequenceId>& sequences, const Continue& go_on);
  bool FeedTails(std::span<const Tail> tails, const Continue& go_on);
  void Record(std::span<const Tail> tails, std::span<const PassPart> parts);
  size_t CountFed(std::span<const PassPart> parts);
  size_t AddTails(const Question& question, SequenceId sequence, std::vector<ContinuationScore>& scores,
                  std::vector<Tail>& tails);

  Session& session_;
  ThreadPool& pool_;
  const size_t batch_;
  size_t fed_ = 0;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_CONTINUATIONS_H_
