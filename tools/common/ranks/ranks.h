// One run on several processes, its ranks, which share the work: each does a part of it, and rank 0 has the results.
// Results are those of one process, whatever the number of ranks.
#ifndef DCP_TOOLS_COMMON_RANKS_RANKS_H_
#define DCP_TOOLS_COMMON_RANKS_RANKS_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/ranks/rank_link.h"
#include "common/tool.h"

namespace dcp::tools {

// The ranks of this run. Where nothing launched several, this process is rank 0 of 1, and nothing here costs anything.
class Ranks {
 public:
  // Of this process.
  static Ranks& Ours();

  int rank() const { return link_ ? link_->rank() : 0; }
  int size() const { return link_ ? link_->size() : 1; }
  bool first() const { return rank() == 0; }  // reads what is to be resumed, writes what comes of the work

  // Threads for each of the ranks on this machine, where nobody said how many: `threads`, or a share of the cores.
  int ThreadsFor(int threads) const;

  // All ranks have to call these, in the same order. They throw Interrupted where Ctrl-C ends the wait.
  // What rank 0 has, for all.
  void Share(std::string& text, const std::atomic<bool>& interrupted);
  // Makes sure that all ranks are about to do the same. Throws dcp::Error(kInvalidArgument) on those that have another
  // text than rank 0.
  void AgreeOn(const std::string& what, const std::string& text, const std::atomic<bool>& interrupted);

  // Joins the run of a launcher, once.
  void Join(std::unique_ptr<RankLink> link) { link_ = std::move(link); }
  RankLink* link() const { return link_.get(); }

 private:
  std::unique_ptr<RankLink> link_;  // null: one process
};

// Pieces of work, numbered, that are dealt out one by one in turn, and their results, which come together at rank 0.
class SharedWork {
 public:
  // Told on rank 0 of each result, as it comes: in no order. What it throws ends the work.
  using Take = std::function<void(size_t piece, std::string_view result)>;

  // `pieces`: what there is to do, as rank 0 sees it; the same for all after this. All ranks have to call it.
  SharedWork(std::vector<size_t> pieces, Take take, ToolIo& io);

  // What this rank is to do, in order.
  const std::vector<size_t>& mine() const { return mine_; }

  // A piece is done. `result` may be any bytes.
  void Give(size_t piece, std::string_view result);

  // To be called often by who works: takes what has come from others. Returns false when the work is to end.
  bool GoOn();

  // Waits for what the others do. Returns false where Ctrl-C, or SIGTERM of a launcher that lost a rank, ended that.
  bool Finish();

 private:
  Ranks& ranks_;
  Take take_;
  const std::atomic<bool>& interrupted_;
  size_t left_ = 0;  // results that have not come
  std::vector<size_t> mine_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RANKS_RANKS_H_
