// Counts what layers drop, window by window. See results.h for what is counted.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_COLLECTOR_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_COLLECTOR_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dcp-inspect/stats/bootstrap.h"
#include "dcp-inspect/stats/results.h"
#include "dcp-inspect/tokens/token_class.h"
#include "dcp/session.h"

namespace dcp::tools {

inline constexpr size_t kDeciles = 10;

// A token of a window, as the statistics see it.
struct StatsToken {
  TokenClass token_class = TokenClass::kOther;
  int decile = -1;    // 0: of the most frequent words; -1: no word
  std::string label;  // what it is counted under as a dropper
};

// Deciles of the words of a corpus: words in the order of their frequency, cut so that each tenth of the running text
// falls into one decile. Words that are equally frequent stand in alphabetical order.
std::map<std::string, int> WordDeciles(const std::map<std::string, size_t>& counts);

class StatsCollector {
 public:
  // REQUIRES: 1 <= horizon < context. `eviction_delay` tells who decided a drop; see DropLog.
  StatsCollector(size_t layers, size_t context, size_t horizon, int eviction_delay = 0);

  // One window: its tokens [context] and what each layer [L] dropped.
  void Add(std::span<const StatsToken> tokens, std::span<const DropLog> drops);

  // REQUIRES: a window was added.
  CorpusStats Finish(int resamples, uint64_t seed) const;

 private:
  struct Counts {
    size_t seen = 0;
    size_t drops = 0;
  };

  void AddLayer(size_t row, std::span<const StatsToken> tokens, const DropLog& log);
  void AddGroup(size_t row, size_t group, bool dropped, double lifetime);
  size_t GroupMeasure(size_t row, size_t group) const;  // drop rate; lifetime is the next
  size_t SurvivalMeasure(size_t row, size_t age) const;
  size_t DropperMeasure(size_t row, size_t token_class) const;  // share; per token is the next
  GroupStats Group(const WindowBootstrap& bootstrap, size_t row, size_t group, std::string name) const;
  LayerStats Layer(const WindowBootstrap& bootstrap, size_t row) const;

  size_t layers_;
  size_t context_;
  size_t horizon_;
  int eviction_delay_;
  std::vector<size_t> ages_;
  std::vector<size_t> position_edges_;  // first position of each bin, and the end of the last
  size_t groups_;
  size_t measures_of_row_;
  WindowSums sums_;
  std::vector<std::map<std::string, Counts>> droppers_;  // [L + 1] by label
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_COLLECTOR_H_
