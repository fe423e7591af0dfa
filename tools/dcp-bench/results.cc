#include "dcp-bench/results.h"

#include <algorithm>
#include <cstdio>

#include "common/measure.h"
#include "dcp-bench/cost.h"
#include "dcp-bench/growth.h"

namespace dcp::tools {
namespace {

double Median(const std::vector<double>& samples) { return Quantile(samples, 0.5); }

double Share(double amount, double seconds, double per_second) {
  return seconds > 0 && per_second > 0 ? amount / seconds / per_second : 0;
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

void AddPrefill(const EngineFacts& engine, BenchRun& run, BenchRow& row) {
  const std::vector<double>& seconds = engine.prefill_seconds;
  const double tokens = run.prefill_tokens;
  row.prefill_tokens_per_s = tokens / Median(seconds);
  row.prefill_tokens_per_s_min = tokens / *std::max_element(seconds.begin(), seconds.end());
  row.prefill_tokens_per_s_max = tokens / *std::min_element(seconds.begin(), seconds.end());
  const double flops = PrefillProductFlops(run.config, engine.interaction, run.prefill_tokens);
  row.prefill_share_of_fma_peak = Share(flops, Median(seconds), run.roofline.flops_per_s);
}

void AddDecode(const EngineFacts& engine, const CellSamples& samples, BenchRun& run, BenchRow& row) {
  row.decode_tokens_per_s = Median(samples.tokens_per_s);
  row.decode_tokens_per_s_min = *std::min_element(samples.tokens_per_s.begin(), samples.tokens_per_s.end());
  row.decode_tokens_per_s_max = *std::max_element(samples.tokens_per_s.begin(), samples.tokens_per_s.end());
  row.ms_per_token_p50 = 1e3 * Median(samples.step_seconds);
  row.ms_per_token_p95 = 1e3 * Quantile(samples.step_seconds, 0.95);
  const StepCost cost = DecodeCost(run.config, engine.weights, engine.interaction, row.batch, samples.last.load);
  row.step_bytes = cost.bytes;
  row.step_flops = cost.flops;
  const double seconds = row.batch / row.decode_tokens_per_s;
  row.share_of_read_bandwidth = Share(cost.bytes, seconds, run.roofline.read_bytes_per_s);
  row.share_of_fma_peak = Share(cost.flops, seconds, run.roofline.flops_per_s);
  row.share_of_roofline = std::max(row.share_of_read_bandwidth, row.share_of_fma_peak);
}

Json RowEntry(const BenchRow& row) {
  Json entry;
  entry["policy"] = row.policy;
  entry["batch"] = row.batch;
  entry["context"] = row.context;
  entry["weights"] = ToString(row.weights);
  entry["kv"] = ToString(row.kv);
  entry["threads"] = row.threads;
  entry["sparsity"] = row.sparsity;
  entry["drawn_sparsity"] = OrNull(row.drawn.sparsity);
  entry["drawn_kept"] = row.drawn.kept ? Json(*row.drawn.kept) : Json(nullptr);
  entry["kept_tokens"] = row.kept_tokens;
  entry["prefill_tokens_per_s"] = row.prefill_tokens_per_s;
  entry["prefill_tokens_per_s_min"] = row.prefill_tokens_per_s_min;
  entry["prefill_tokens_per_s_max"] = row.prefill_tokens_per_s_max;
  entry["decode_tokens_per_s"] = row.decode_tokens_per_s;
  entry["decode_tokens_per_s_min"] = row.decode_tokens_per_s_min;
  entry["decode_tokens_per_s_max"] = row.decode_tokens_per_s_max;
  entry["ms_per_token_p50"] = row.ms_per_token_p50;
  entry["ms_per_token_p95"] = row.ms_per_token_p95;
  entry["kv_bytes_live"] = static_cast<int64_t>(row.kv_bytes_live);
  entry["kv_bytes_reserved"] = static_cast<int64_t>(row.kv_bytes_reserved);
  entry["kv_bytes_dense"] = static_cast<int64_t>(row.kv_bytes_dense);
  entry["peak_rss_bytes"] = row.peak_rss_bytes ? Json(static_cast<int64_t>(*row.peak_rss_bytes)) : Json(nullptr);
  entry["step_bytes"] = row.step_bytes;
  entry["step_flops"] = row.step_flops;
  entry["share_of_read_bandwidth"] = row.share_of_read_bandwidth;
  entry["share_of_fma_peak"] = row.share_of_fma_peak;
  entry["share_of_roofline"] = row.share_of_roofline;
  entry["prefill_share_of_fma_peak"] = row.prefill_share_of_fma_peak;
  entry["other_load"] = OrNull(row.other_load);
  return entry;
}

Json MachineEntry(const BenchRun& run) {
  Json entry;
  entry["cpu"] = run.machine.cpu;
  entry["cores"] = run.machine.cores;
  entry["threads"] = run.threads;
  entry["simd"] = run.machine.simd;
  entry["compiler"] = run.machine.compiler;
  entry["build"] = run.machine.build;
  entry["load_average"] = run.machine.load_average;
  entry["other_load_before"] = OrNull(run.load_before);
  entry["loaded"] = run.loaded();
  entry["read_bytes_per_s"] = run.roofline.read_bytes_per_s;
  entry["fma_flops_per_s"] = run.roofline.flops_per_s;
  return entry;
}

Json ModelEntry(const BenchRun& run) {
  const ModelConfig& config = run.config;
  return Json{{"name", run.model},
              {"n_layer", config.n_layer},
              {"n_head", config.n_head},
              {"n_embd", config.n_embd},
              {"n_positions", config.n_positions},
              {"vocab_size", config.vocab_size},
              {"int_n_embd", config.int_n_embd},
              {"parameters", config.ParameterCount()}};
}

const char* Word(Growth::Against against) { return against == Growth::Against::kContext ? "context" : "kept tokens"; }

Json GrowthEntry(const Growth& line) {
  return Json{{"against", Word(line.against)},
              {"series", line.series},
              {"rows", line.rows},
              {"first", line.first},
              {"last", line.last},
              {"us_per_token", line.us_per_token},
              {"ms_at_first", line.ms_at_first}};
}

std::string GrowthLine(const Growth& line) {
  char text[300];
  std::snprintf(text, sizeof text, "%-12s %-52s %6.0f..%-6.0f %10.2f %10.2f\n", Word(line.against), line.series.c_str(),
                line.first, line.last, line.ms_at_first, line.us_per_token);
  return text;
}

std::string GrowthTable(const BenchRun& run) {
  const std::vector<Growth> lines = FitGrowth(run);
  if (lines.empty()) return "";
  char head[300];
  std::snprintf(head, sizeof head, "\n%-12s %-52s %14s %10s %10s\n", "step against", "straight line through", "tokens",
                "ms at first", "us/token");
  std::string table = head;
  for (const Growth& line : lines) table += GrowthLine(line);
  return table;
}

// A CSV field; text is quoted where a comma would cut it.
std::string Field(const Json& value) {
  if (value.is_null()) return "";
  if (!value.is_string()) return value.dump();
  std::string text = value.get<std::string>();
  if (text.find(',') == std::string::npos) return text;
  text.insert(text.begin(), '"');
  text.push_back('"');
  return text;
}

std::string TableLine(const BenchRow& row) {
  char line[400];
  std::snprintf(line, sizeof line,
                "%-16s %8.3f %5d %7d %-4s %-3s %9.1f %9.1f %7.1f..%-7.1f %8.2f %8.2f %10s %10s %5.0f%% %5.0f%%\n",
                row.policy.c_str(), row.sparsity, row.batch, row.context, std::string(ToString(row.weights)).c_str(),
                std::string(ToString(row.kv)).c_str(), row.prefill_tokens_per_s, row.decode_tokens_per_s,
                row.decode_tokens_per_s_min, row.decode_tokens_per_s_max, row.ms_per_token_p50, row.ms_per_token_p95,
                HumanBytes(row.kv_bytes_reserved).c_str(), HumanBytes(row.kv_bytes_dense).c_str(),
                100 * row.share_of_read_bandwidth, 100 * row.share_of_fma_peak);
  return line;
}

}  // namespace

bool BenchRun::loaded() const {
  return load_before.value_or(0) > kVisibleLoad || std::any_of(rows.begin(), rows.end(), [](const BenchRow& row) {
           return row.other_load.value_or(0) > kVisibleLoad;
         });
}

void AddRow(const Cell& cell, const EngineFacts& engine, const CellSamples& samples, BenchRun& run) {
  BenchRow row;
  row.policy = engine.policy;
  row.drawn = engine.drawn;
  row.batch = cell.batch;
  row.context = cell.context;
  row.weights = engine.weights;
  row.kv = engine.kv;
  row.threads = run.threads;
  row.sparsity = samples.last.sparsity;
  row.kept_tokens = samples.last.load.kept_slots / (cell.batch * run.config.n_layer);
  AddPrefill(engine, run, row);
  AddDecode(engine, samples, run, row);
  row.kv_bytes_live = static_cast<double>(samples.last.cache.live_bytes);
  row.kv_bytes_reserved = static_cast<double>(samples.last.cache.reserved_bytes);
  row.kv_bytes_dense = static_cast<double>(samples.last.cache.dense_bytes);
  if (samples.peak_rss_bytes > 0) row.peak_rss_bytes = static_cast<double>(samples.peak_rss_bytes);
  if (!samples.other_load.empty()) row.other_load = Median(samples.other_load);
  run.rows.push_back(std::move(row));
}

Json RunDocument(const BenchRun& run) {
  Json document;
  document["machine"] = MachineEntry(run);
  document["model"] = ModelEntry(run);
  document["steps"] = run.steps;
  document["repeats"] = run.repeats;
  document["prefill_tokens"] = run.prefill_tokens;
  Json& rows = document["rows"] = Json::array();
  for (const BenchRow& row : run.rows) rows.push_back(RowEntry(row));
  Json& growth = document["growth"] = Json::array();
  for (const Growth& line : FitGrowth(run)) growth.push_back(GrowthEntry(line));
  return document;
}

std::string RunCsv(const BenchRun& run) {
  std::string csv;
  for (const BenchRow& row : run.rows) {
    const Json entry = RowEntry(row);
    std::string names, values;
    for (const auto& [name, value] : entry.items()) {
      if (!names.empty()) {
        names += ',';
        values += ',';
      }
      names += name;
      values += Field(value);
    }
    if (csv.empty()) csv = names + '\n';
    csv += values + '\n';
  }
  return csv;
}

std::string RunTable(const BenchRun& run) {
  char head[600];
  std::snprintf(head, sizeof head,
                "%s, %d of %d cores, %s, %s, %s build\n"
                "reads %.1f GB/s, multiplies and adds %.1f GFLOP/s (float32); %d steps, %d repetitions, medians\n\n"
                "%-16s %8s %5s %7s %-4s %-3s %9s %9s %16s %8s %8s %10s %10s %6s %6s\n"
                "%-16s %8s %5s %7s %-4s %-3s %9s %9s %16s %8s %8s %10s %10s %6s %6s\n",
                run.machine.cpu.c_str(), run.threads, run.machine.cores, run.machine.simd.c_str(),
                run.machine.compiler.c_str(), run.machine.build.c_str(), run.roofline.read_bytes_per_s / 1e9,
                run.roofline.flops_per_s / 1e9, run.steps, run.repeats, "policy", "sparsity", "batch", "context", "w",
                "kv", "prefill", "decode", "min..max", "p50", "p95", "KV", "KV dense", "of", "of", "", "", "", "", "",
                "", "tokens/s", "tokens/s", "tokens/s", "ms/token", "ms/token", "reserved", "", "reads", "FMAs");
  std::string table = head;
  for (const BenchRow& row : run.rows) table += TableLine(row);
  return table + GrowthTable(run);
}

}  // namespace dcp::tools
