// Long work in blocks: what is done is kept on disk, and ranks share it.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_BLOCKS_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_BLOCKS_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/corpus.h"
#include "common/json.h"
#include "common/option_group.h"
#include "common/progress.h"
#include "common/result_store.h"
#include "common/tool.h"
#include "common/windows.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp-eval/scoring/window_scorer.h"
#include "dcp/session.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {

// --resume
void AddResume(const OptionGroup& add, std::optional<std::string>& file);

// Each block by itself, whatever was done before it: so a run gives the same on any number of ranks, and where it goes
// on where another one was ended.
struct BlockedWork {
  // Told the units done of the block at hand; false ends the work.
  using GoOn = std::function<bool(double units)>;

  size_t blocks = 0;
  Json identity;                              // what all ranks have to agree about
  std::function<double(size_t block)> units;  // of its progress
  std::function<Json(size_t block)> key;      // what its result depends on; asked for where results are kept
  // Does it. Nothing: it was ended.
  std::function<std::optional<Json>(size_t block, const GoOn& go_on)> work;
  // On rank 0: told of each result, those that were on disk first, then as they come.
  std::function<void(size_t block, const Json& result)> take;
};

// Returns whether all of it is done. On other ranks than the first: whether their share is.
bool RunBlocks(const BlockedWork& work, ResultStore& store, Progress& progress, ToolIo& io);

// What scores depend on beside the text.
Json ScoringKey(const Session& session, float threshold);

// How to score: sessions are made anew for each block.
struct ScoringPlan {
  std::function<Session()> make_session;
  ThreadPool& pool;
  size_t batch = 8;  // windows or questions that run together
  Json key;          // see ScoringKey
};

// Blocks of a list of `size`, of so many elements but for the last.
struct BlockCut {
  size_t size = 0, each = 1;

  size_t count() const { return (size + each - 1) / each; }
  template <typename List>
  auto Of(const List& list, size_t block) const {
    return std::span(list).subspan(block * each, std::min(each, size - block * each));
  }
};

// Scores of windows as WindowScorer gives them, in blocks of kBatchesPerBlock batches. What is missing when the work is
// ended is not done; on other ranks than the first that is most.
inline constexpr size_t kBatchesPerBlock = 4;
struct BlockScores : ScoredWindows {
  size_t kept_tokens = 0;  // of fed_tokens, those that were fed by an earlier run
};
BlockScores ScoreWindows(const ScoringPlan& plan, std::span<const Document> documents, std::span<const Window> windows,
                         ResultStore& store, Progress& progress, ToolIo& io);

// The same for questions, under several plans that are worked off one after the other: [plans] scores of questions that
// were done, all or the first few.
std::vector<QuestionScores> ScoreQuestions(size_t plans, const std::function<ScoringPlan(size_t plan)>& plan,
                                           size_t batch, std::span<const Question> questions, const Json& identity,
                                           ResultStore& store, Progress& progress, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_BLOCKS_H_
