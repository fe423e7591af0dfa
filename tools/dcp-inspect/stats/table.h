// The corpus statistics as a table for a terminal.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_TABLE_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_TABLE_H_

#include <string>

#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

std::string StatsTable(const CorpusReport& report);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_TABLE_H_
