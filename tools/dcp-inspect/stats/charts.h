// The pictures of the corpus statistics.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_CHARTS_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_CHARTS_H_

#include <string>
#include <vector>

#include "dcp-inspect/page/svg_sheet.h"
#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

struct StatsChart {
  std::string title;
  std::string note;  // how to read it
  SvgDrawing sheet;
  double width = 0;
  double height = 0;
};

// Survival curves; lifetimes by class, word frequency and position; drops by class of the dropper.
std::vector<StatsChart> StatsCharts(const CorpusStats& stats);

// All of them in one SVG file, one below the other.
std::string StatsPicture(const CorpusReport& report);

// The same for the page, each a <section>.
std::string StatsSections(const CorpusReport& report);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_CHARTS_H_
