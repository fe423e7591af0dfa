// What a model drops in a corpus, over many windows: how much and how soon, by layer and by kind of token.
//
// A token is followed for `horizon` tokens, and only tokens that have so many after them in their window count: so no
// lifetime is cut short by the end of a window. What is still held then has lifetime `horizon`.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_CORPUS_STATS_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_CORPUS_STATS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dcp-inspect/stats/bootstrap.h"
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

// One kind of token in one layer.
struct GroupStats {
  std::string name;
  double tokens = 0;   // counted
  Estimate drop_rate;  // share dropped within the horizon
  Estimate lifetime;   // mean, in tokens
};

struct DropperStats {
  std::string name;
  Estimate share;      // of the drops of the layer that tokens of this class made
  Estimate per_token;  // drops that one token of this class makes in one layer
};

struct TopDropper {
  std::string label;
  size_t seen = 0;   // times that it was read
  size_t drops = 0;  // that it made then
};

struct LayerStats {
  GroupStats all;
  std::vector<GroupStats> classes;     // [kTokenClasses]
  std::vector<GroupStats> deciles;     // [kDeciles]
  std::vector<GroupStats> positions;   // by position in the window
  std::vector<Estimate> survival;      // [ages] share still held that many tokens later
  std::vector<DropperStats> droppers;  // [kTokenClasses]
  std::vector<TopDropper> top;         // the most drops first
  Estimate stop_minus_content;         // lifetime of stop words less that of other words, capitalised or not
  Estimate punctuation_minus_content;
};

struct CorpusStats {
  size_t windows = 0;
  size_t context = 0;  // tokens of a window
  size_t horizon = 0;
  std::vector<size_t> ages;        // of `survival`
  std::vector<LayerStats> layers;  // [L + 1] the last one: all layers together
};

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

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_CORPUS_STATS_H_
