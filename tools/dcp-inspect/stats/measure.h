// Runs a model over windows of a corpus and gathers what it drops.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_

#include <span>
#include <vector>

#include "common/corpus.h"
#include "dcp-inspect/options.h"
#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

// Where a window begins; it has as many tokens as the context.
struct CorpusWindow {
  size_t document = 0;
  size_t begin = 0;
};

// Windows of `context` tokens side by side in each document; what is left at its end is not used. When there are more
// than `most` (0: no limit), `most` of them at even distances.
std::vector<CorpusWindow> PlaceWindows(std::span<const Document> documents, size_t context, size_t most);

// --stats, from the texts to the numbers. Throws dcp::Error; Interrupted when there is nothing to show yet.
CorpusReport MeasureCorpus(const InspectOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_
