#include "dcp-eval/sweep/report.h"

#include <array>
#include <cmath>

#include "common/format.h"
#include "common/table.h"

namespace dcp::tools {
namespace {

using Role = SweepJob::Role;

std::string Range(const char* format, const Estimate& estimate) {
  return estimate.has_interval() ? Format(format, estimate.low, estimate.high) : "-";
}

// JSON lists the buckets that hold tokens, CSV has a column for each.
void AddPositions(const SweepResult& result, const SweepRow& row, TableRow& columns) {
  Json entries = Json::array();
  for (size_t i = 0; i < result.buckets.size(); ++i) {
    const auto [from, to] = result.buckets[i];
    const Ratio& nll = row.positions[i];
    const bool empty = nll.weight == 0;
    columns.AddCsv("perplexity_" + std::to_string(from) + "_" + std::to_string(to),
                   empty ? Json(nullptr) : Json(PerplexityOf(nll)));
    if (empty) continue;
    entries.push_back({{"from", from},
                       {"to", to},
                       {"tokens", static_cast<size_t>(nll.weight)},
                       {"perplexity", PerplexityOf(nll)},
                       {"ratio_to_dense", PerplexityOf(nll) / PerplexityOf(result.rows[0].positions[i])}});
  }
  columns.AddJson("positions", std::move(entries));
}

TableRow Columns(const SweepResult& result, size_t index) {
  constexpr std::array<const char*, 4> kRoles = {"control", "dense", "learned", "baseline"};
  const SweepRow& row = result.rows[index];
  const SweepJob& job = row.job;
  TableRow columns;
  columns.ShowText("row", std::to_string(index));
  columns.Add("role", kRoles[static_cast<size_t>(job.role)]);
  columns.Add("model", job.model.model);
  columns.Add("adapter", job.model.adapter.empty() ? Json(nullptr) : Json(job.model.adapter));
  columns.ShowText("model", ShortName(job.model), true);
  columns.Add("gamma", OrNull(job.model.gamma)).Show("gamma");
  columns.Add("policy", row.policy).Show("policy");
  columns.Add("threshold", job.role == Role::kLearned ? Json(ShortestDouble(job.policy.threshold)) : Json(nullptr));
  columns.Add("matched_to", job.matched_to);
  columns.Add("budgets", job.budgets);
  columns.Add("tokens", row.report.tokens);
  columns.Add("nll", row.report.nll);
  columns.AddEstimate("perplexity", row.perplexity).Show("perplexity", "%.3f");
  columns.ShowText("interval", Range("%.2f..%.2f", row.perplexity));
  columns.AddEstimate("ratio_to_dense", row.ratio).Show("ratio\nto dense", "%.4f");
  columns.ShowText("interval", Range("%.4f..%.4f", row.ratio));
  AddSparsity(row.report, columns);
  columns.Add("kept_tokens", row.kept).Show("kept\ntokens", "%.2f");
  columns.Add("kv_bytes_reserved", row.kv_bytes_reserved).ShowBytes("KV");
  columns.Add("kv_bytes_dense", row.kv_bytes_dense);
  columns.ShowText("of\ndense", Format("%.1f%%", 100.0 * static_cast<double>(row.kv_bytes_reserved) /
                                                     static_cast<double>(row.kv_bytes_dense)));
  columns.Add("tokens_per_s", row.tokens_per_s).Show("tokens/s", "%.0f");
  AddPositions(result, row, columns);
  return columns;
}

std::vector<TableRow> Rows(const SweepResult& result) {
  std::vector<TableRow> rows;
  for (size_t i = 0; i < result.rows.size(); ++i) rows.push_back(Columns(result, i));
  return rows;
}

}  // namespace

Json SweepDocument(const SweepResult& result) {
  const PerplexityReport& control = result.rows[0].report;
  return {{"context", result.shape.context},
          {"stride", result.shape.stride},
          {"windows", result.windows},
          {"documents", control.documents},
          {"tokens", control.tokens},
          {"weights", result.weights},
          {"kv", result.kv},
          {"threads", result.threads},
          {"bootstrap",
           {{"unit", result.units.name},
            {"units", result.units.count},
            {"block_windows", result.units.block_windows},
            {"samples", result.bootstrap_samples},
            {"seed", result.seed}}},
          {"complete", result.complete},
          {"rows", ToJson(Rows(result))}};
}

std::string SweepCsv(const SweepResult& result) { return ToCsv(Rows(result)); }

std::string SweepTable(const SweepResult& result) {
  const PerplexityReport& control = result.rows[0].report;
  const ResampleUnits& units = result.units;
  const std::string block = units.block_windows != 0 ? Format(" of %zu windows", units.block_windows) : "";
  return Format("context %d, stride %d: %zu tokens of %zu windows, %zu documents; %s weights, %s KV, %d threads\n",
                result.shape.context, result.shape.stride, control.tokens, result.windows, control.documents,
                result.weights.c_str(), result.kv.c_str(), result.threads) +
         Format("intervals: 95 %%, %zu samples of %zu %ss%s\n\n", result.bootstrap_samples, units.count,
                units.name.c_str(), block.c_str()) +
         ToText(Rows(result));
}

}  // namespace dcp::tools
