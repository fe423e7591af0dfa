#include "dcp-inspect/stats/bootstrap.h"

namespace dcp::tools {

double WindowSums::Weight(size_t measure) const {
  double weight = 0;
  for (const Ratio& window : sums_[measure]) weight += window.weight;
  return weight;
}

}  // namespace dcp::tools
