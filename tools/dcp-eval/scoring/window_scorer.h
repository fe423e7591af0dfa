// Scores windows of text: the negative log-likelihood of each token, and what the cache held meanwhile. Perplexity is
// made of this.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_WINDOW_SCORER_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_WINDOW_SCORER_H_

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/corpus.h"
#include "common/windows.h"
#include "dcp/session.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {

// Contexts at which sparsity is always reported (where they fit).
inline constexpr std::array<size_t, 3> kSparsityContexts = {250, 500, 1000};

struct WindowScore {
  std::vector<double> nll;  // of tokens first_scored .. end-1, natural log
  double sparsity = 0;      // mean over layers, when the window's last fed token attends
  std::array<std::optional<double>, kSparsityContexts.size()> sparsity_at;  // when the token with that many before it
                                                                            // attends
  double kept = 0;    // tokens kept by a layer (the attending one included) when the token before a scored one attends,
                      // mean over layers and scored tokens; 0 unless the session records drops
  bool done = false;  // false: the work was ended before this window
};

struct ScoredWindows {
  std::vector<WindowScore> windows;  // as the windows given
  size_t peak_reserved_bytes = 0;    // of the cache
  size_t peak_dense_bytes = 0;       // what a dense cache would have needed at most
  size_t fed_tokens = 0;
};

class WindowScorer {
 public:
  // Told the tokens fed so far; false ends the work.
  using Continue = std::function<bool(size_t fed_tokens)>;

  // Windows run `batch` at a time in `session`, the next one joining when one ends; both must outlive the scorer.
  // `batch` changes speed and peak bytes, never a score.
  WindowScorer(Session& session, ThreadPool& pool, size_t batch);

  // Throws what Session throws, and dcp::Error(kInvalidModel) naming the document and the token when a likelihood is
  // not finite.
  ScoredWindows Score(std::span<const Document> documents, std::span<const Window> windows, const Continue& go_on);

 private:
  // A window that is being fed.
  struct Running {
    size_t window;  // index
    SequenceId sequence;
    size_t fed = 0;  // tokens of the window
  };

  bool FeedToNextStop(std::span<Running> running, const Continue& go_on);
  void Record(std::span<const Running> running, std::span<const PassPart> parts);
  void Measure(const Running& running);
  double MeanKept(const Running& running) const;
  size_t NextStop(const Window& window, size_t fed) const;
  std::span<const TokenId> IdsOf(const Window& window) const;

  Session& session_;
  ThreadPool& pool_;
  const size_t batch_;
  std::span<const Document> documents_;
  std::span<const Window> windows_;
  ScoredWindows result_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_WINDOW_SCORER_H_
