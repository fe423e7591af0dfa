#include "dcp-inspect/stats/table.h"

#include <cmath>
#include <cstdio>

namespace dcp::tools {
namespace {

std::string Cell(const Estimate& estimate, double scale) {
  if (std::isnan(estimate.value)) return "                   -";
  char text[64];
  std::snprintf(text, sizeof text, " %6.1f [%5.1f, %5.1f]", scale * estimate.value, scale * estimate.low,
                scale * estimate.high);
  return text;
}

std::string Name(const std::string& name) {
  char text[40];
  std::snprintf(text, sizeof text, "  %-18s", name.c_str());
  return text;
}

std::string GroupRow(const GroupStats& group) {
  char tokens[24];
  std::snprintf(tokens, sizeof tokens, "%10.0f", group.tokens);
  return Name(group.name) + tokens + Cell(group.drop_rate, 100) + Cell(group.lifetime, 1) + '\n';
}

}  // namespace

std::string StatsTable(const CorpusReport& report) {
  const CorpusStats& stats = report.stats;
  std::string table = Summary(report) + ". Means with 95 % intervals over windows.\n\n";
  table += Name("") + "    tokens            dropped, %      lifetime, tokens\n";
  for (size_t row = 0; row < stats.layers.size(); ++row) {
    table += RowName(stats, row) + "\n";
    table += GroupRow(stats.layers[row].all);
    for (const GroupStats& group : stats.layers[row].classes) {
      if (group.tokens > 0) table += GroupRow(group);
    }
  }
  return table;
}

}  // namespace dcp::tools
