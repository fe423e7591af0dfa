// What a model drops in a corpus, over many windows: how much and how soon, by layer and by kind of token.
//
// A token is followed for `horizon` tokens, and only tokens that have so many after them in their window count: so no
// lifetime is cut short by the end of a window. What is still held then has lifetime `horizon`.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_RESULTS_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_RESULTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "dcp-inspect/stats/bootstrap.h"

namespace dcp::tools {

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

struct CorpusReport {
  std::string model;
  std::string policy;
  int eviction_delay = 0;
  CorpusStats stats;
};

// "layer 3", "all layers".
std::string RowName(const CorpusStats& stats, size_t row);

// "books, policy learned: 200 windows of 1024 tokens, each token followed for 512".
std::string Summary(const CorpusReport& report);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_RESULTS_H_
