#include "dcp-eval/scoring/summary.h"

#include <cmath>
#include <set>
#include <string>

namespace dcp::tools {

PerplexityReport Summarise(std::span<const Window> windows, std::span<const WindowScore> scores) {
  PerplexityReport report;
  std::array<size_t, kSparsityContexts.size()> reached = {};
  std::set<size_t> documents;
  for (size_t i = 0; i < windows.size(); ++i) {
    const WindowScore& score = scores[i];
    if (!score.done) continue;
    ++report.windows;
    documents.insert(windows[i].document);
    report.tokens += score.nll.size();
    for (const double nll : score.nll) report.nll += nll;
    report.sparsity += score.sparsity;
    for (size_t k = 0; k < reached.size(); ++k) {
      if (!score.sparsity_at[k]) continue;
      report.sparsity_at[k] = report.sparsity_at[k].value_or(0) + *score.sparsity_at[k];
      ++reached[k];
    }
  }
  if (report.windows == 0) return report;
  report.nll /= static_cast<double>(report.tokens);
  report.sparsity /= static_cast<double>(report.windows);
  for (size_t k = 0; k < reached.size(); ++k) {
    if (reached[k] != 0) *report.sparsity_at[k] /= static_cast<double>(reached[k]);
  }
  report.perplexity = std::exp(report.nll);
  report.documents = documents.size();
  return report;
}

void AddSparsity(const PerplexityReport& report, TableRow& row) {
  row.Add("sparsity", report.sparsity).Show("sparsity", "%.4f");
  Json at = Json::object();
  for (size_t i = 0; i < kSparsityContexts.size(); ++i) {
    if (report.sparsity_at[i]) at[std::to_string(kSparsityContexts[i])] = *report.sparsity_at[i];
  }
  row.AddJson("sparsity_at", at);
  for (size_t i = 0; i < kSparsityContexts.size(); ++i) {
    const std::string context = std::to_string(kSparsityContexts[i]);
    row.AddCsv("sparsity_at_" + context, OrNull(report.sparsity_at[i]));
    if (report.sparsity_at[i]) row.Show("sparsity\nat " + context, "%.4f");
  }
}

}  // namespace dcp::tools
