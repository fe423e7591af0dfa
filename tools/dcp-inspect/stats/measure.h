// Runs a model over windows of a corpus and gathers what it drops.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_

#include "common/tool.h"
#include "dcp-inspect/options.h"
#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

// --stats, from the texts to the numbers. Throws dcp::Error; Interrupted when there is nothing to show yet.
CorpusReport MeasureCorpus(const InspectOptions& options, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_MEASURE_H_
