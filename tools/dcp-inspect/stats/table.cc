#include "dcp-inspect/stats/table.h"

#include <cmath>

#include "common/format.h"
#include "common/table.h"

namespace dcp::tools {
namespace {

std::string Cell(const Estimate& estimate, double scale) {
  if (std::isnan(estimate.value)) return "-";
  return Format("%.1f [%5.1f, %5.1f]", scale * estimate.value, scale * estimate.low, scale * estimate.high);
}

TableRow Row(const std::string& name, const GroupStats& group) {
  TableRow row;
  row.ShowText("", name, true);
  row.ShowText("tokens", Format("%.0f", group.tokens));
  row.ShowText("dropped, %", Cell(group.drop_rate, 100));
  row.ShowText("lifetime, tokens", Cell(group.lifetime, 1));
  return row;
}

}  // namespace

std::string StatsTable(const CorpusReport& report) {
  const CorpusStats& stats = report.stats;
  std::vector<TableRow> rows;
  for (size_t i = 0; i < stats.layers.size(); ++i) {
    rows.push_back(Row(RowName(stats, i), stats.layers[i].all));
    for (const GroupStats& group : stats.layers[i].classes) {
      if (group.tokens > 0) rows.push_back(Row("  " + group.name, group));
    }
  }
  return Summary(report) + ". Means with 95 % intervals over windows.\n\n" + ToText(rows);
}

}  // namespace dcp::tools
