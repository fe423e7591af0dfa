#include "dcp-bench/report/report.h"

#include "common/format.h"
#include "common/table.h"
#include "dcp-bench/report/growth.h"

namespace dcp::tools {
namespace {

void AddSpread(const std::string& name, const Spread& spread, const char* heading, TableRow& columns) {
  columns.Add(name, spread.median).Show(heading, "%.1f");
  columns.Add(name + "_min", spread.min).Add(name + "_max", spread.max);
}

// A column of the table that is another number of the row, in percent.
void AddShare(const std::string& name, double share, const char* heading, TableRow& columns) {
  columns.Add(name, share).ShowText(heading, Format("%.0f%%", 100 * share));
}

TableRow Columns(const BenchRun& run, const BenchRow& row) {
  TableRow columns;
  columns.Add("policy", row.policy).Show("policy");
  columns.Add("batch", row.batch).Show("batch");
  columns.Add("context", row.context).Show("context");
  columns.Add("weights", ToString(row.weights)).Show("w");
  columns.Add("kv", ToString(row.kv)).Show("kv");
  columns.Add("threads", run.threads);
  columns.Add("sparsity", row.sparsity).Show("sparsity", "%.3f");
  columns.Add("drawn_sparsity", OrNull(row.drawn.sparsity));
  columns.Add("drawn_kept", OrNull(row.drawn.kept));
  columns.Add("kept_tokens", row.kept_tokens);
  AddSpread("prefill_tokens_per_s", row.prefill_tokens_per_s, "prefill\ntokens/s", columns);
  AddSpread("decode_tokens_per_s", row.decode_tokens_per_s, "decode\ntokens/s", columns);
  columns.ShowText("min..max\ntokens/s",
                   Format("%.1f..%.1f", row.decode_tokens_per_s.min, row.decode_tokens_per_s.max));
  columns.Add("ms_per_token_p50", row.ms_per_token_p50).Show("p50\nms/token", "%.2f");
  columns.Add("ms_per_token_p95", row.ms_per_token_p95).Show("p95\nms/token", "%.2f");
  columns.Add("kv_bytes_live", row.kv_bytes_live);
  columns.Add("kv_bytes_reserved", row.kv_bytes_reserved).ShowBytes("KV\nreserved");
  columns.Add("kv_bytes_dense", row.kv_bytes_dense).ShowBytes("KV dense");
  columns.Add("peak_rss_bytes", OrNull(row.peak_rss_bytes));
  columns.Add("step_bytes", row.step_bytes);
  columns.Add("step_flops", row.step_flops);
  AddShare("share_of_read_bandwidth", row.share_of_read_bandwidth, "of\nreads", columns);
  AddShare("share_of_fma_peak", row.share_of_fma_peak, "of\nFMAs", columns);
  columns.Add("share_of_roofline", std::max(row.share_of_read_bandwidth, row.share_of_fma_peak));
  columns.Add("prefill_share_of_fma_peak", row.prefill_share_of_fma_peak);
  columns.Add("other_load", OrNull(row.other_load));
  return columns;
}

std::vector<TableRow> Rows(const BenchRun& run) {
  std::vector<TableRow> rows;
  for (const BenchRow& row : run.rows) rows.push_back(Columns(run, row));
  return rows;
}

std::vector<TableRow> GrowthRows(const BenchRun& run) {
  std::vector<TableRow> rows;
  for (const Growth& line : FitGrowth(run)) {
    TableRow& columns = rows.emplace_back();
    columns.Add("against", line.against == Growth::Against::kContext ? "context" : "kept tokens").Show("step against");
    columns.Add("series", line.series).Show("straight line through");
    columns.Add("rows", line.rows).Add("first", line.first).Add("last", line.last);
    columns.ShowText("tokens", Format("%.0f..%.0f", line.first, line.last));
    columns.Add("us_per_token", line.us_per_token).Show("us/token", "%.2f");
    columns.Add("ms_at_first", line.ms_at_first).Show("ms at first", "%.2f");
  }
  return rows;
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json LargePagesEntry(const BenchRun& run) {
  Json entry = {{"setting", TextOrNull(run.machine.large_pages)}, {"bytes", nullptr}, {"of_bytes", nullptr}};
  if (run.memory) {
    entry["bytes"] = run.memory->large_page_bytes;
    entry["of_bytes"] = run.memory->bytes;
  }
  return entry;
}

std::string LargePagesText(const BenchRun& run) {
  std::string text = "large pages " + (run.machine.large_pages.empty() ? "not told" : run.machine.large_pages);
  if (!run.memory) return text;
  return text + Format(", for %.2f of %.2f GB", static_cast<double>(run.memory->large_page_bytes) / 1e9,
                       static_cast<double>(run.memory->bytes) / 1e9);
}

Json MachineEntry(const BenchRun& run) {
  return {{"cpu", run.machine.cpu},
          {"cores", run.machine.cores},
          {"threads", run.threads},
          {"simd", run.machine.simd},
          {"virtual_machine", TextOrNull(run.machine.virtual_machine)},
          {"large_pages", LargePagesEntry(run)},
          {"compiler", run.machine.compiler},
          {"build", run.machine.build},
          {"load_average", run.machine.load_average},
          {"other_load_before", OrNull(run.load_before)},
          {"loaded", run.loaded()},
          {"read_bytes_per_s", run.roofline.read_bytes_per_s},
          {"fma_flops_per_s", run.roofline.flops_per_s}};
}

Json ModelEntry(const BenchRun& run) {
  const ModelConfig& config = run.config;
  return {{"name", run.model},
          {"n_layer", config.n_layer},
          {"n_head", config.n_head},
          {"n_embd", config.n_embd},
          {"n_positions", config.n_positions},
          {"vocab_size", config.vocab_size},
          {"int_n_embd", config.int_n_embd},
          {"parameters", config.ParameterCount()}};
}

}  // namespace

Json RunDocument(const BenchRun& run) {
  return {{"machine", MachineEntry(run)},
          {"model", ModelEntry(run)},
          {"steps", run.steps},
          {"repeats", run.repeats},
          {"prefill_tokens", run.prefill_tokens},
          {"rows", ToJson(Rows(run))},
          {"growth", ToJson(GrowthRows(run))}};
}

std::string RunCsv(const BenchRun& run) { return ToCsv(Rows(run)); }

std::string RunTable(const BenchRun& run) {
  const std::string growth = ToText(GrowthRows(run));
  return Format("%s, %d of %d cores, %s, %s, %s build\n", run.machine.cpu.c_str(), run.threads, run.machine.cores,
                run.machine.simd.c_str(), run.machine.compiler.c_str(), run.machine.build.c_str()) +
         Format("%s, %s\n",
                run.machine.virtual_machine.empty() ? "no virtual machine known"
                                                    : ("a virtual machine of " + run.machine.virtual_machine).c_str(),
                LargePagesText(run).c_str()) +
         Format("reads %.1f GB/s, multiplies and adds %.1f GFLOP/s (float32); %d steps, %d repetitions, medians\n\n",
                run.roofline.read_bytes_per_s / 1e9, run.roofline.flops_per_s / 1e9, run.steps, run.repeats) +
         ToText(Rows(run)) + (growth.empty() ? "" : "\n" + growth);
}

}  // namespace dcp::tools
