#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

std::string RowName(const CorpusStats& stats, size_t row) {
  return row + 1 == stats.layers.size() ? "all layers" : "layer " + std::to_string(row);
}

std::string Summary(const CorpusReport& report) {
  const CorpusStats& stats = report.stats;
  return report.model + ", policy " + report.policy + ": " + std::to_string(stats.windows) + " windows of " +
         std::to_string(stats.context) + " tokens, each token followed for " + std::to_string(stats.horizon);
}

}  // namespace dcp::tools
