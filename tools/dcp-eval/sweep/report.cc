#include "dcp-eval/sweep/report.h"

#include <cmath>
#include <cstdio>

#include "common/measure.h"

namespace dcp::tools {
namespace {

using Role = SweepJob::Role;

const char* RoleName(Role role) {
  switch (role) {
    case Role::kControl:
      return "control";
    case Role::kDense:
      return "dense";
    case Role::kLearned:
      return "learned";
    case Role::kBaseline:
      break;
  }
  return "baseline";
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json PositionEntries(const SweepResult& result, const SweepRow& row) {
  Json entries = Json::array();
  for (size_t i = 0; i < result.buckets.size(); ++i) {
    const Ratio& nll = row.positions[i];
    if (nll.weight == 0) continue;
    const double perplexity = PerplexityOf(nll);
    entries.push_back({{"from", result.buckets[i].from},
                       {"to", result.buckets[i].to},
                       {"tokens", static_cast<size_t>(nll.weight)},
                       {"perplexity", perplexity},
                       {"ratio_to_dense", perplexity / PerplexityOf(result.rows[0].positions[i])}});
  }
  return entries;
}

Json RowEntry(const SweepResult& result, const SweepRow& row) {
  const SweepJob& job = row.job;
  const bool learned = job.role == Role::kLearned;
  Json entry;
  entry["role"] = RoleName(job.role);
  entry["model"] = job.model.model;
  entry["adapter"] = job.model.adapter.empty() ? Json(nullptr) : Json(job.model.adapter);
  entry["gamma"] = OrNull(job.model.gamma);
  entry["policy"] = row.policy;
  entry["threshold"] = learned ? Json(ShortestDouble(job.policy.threshold)) : Json(nullptr);
  entry["matched_to"] = job.matched_to;
  entry["budgets"] = job.budgets;
  entry["tokens"] = row.report.tokens;
  entry["nll"] = row.report.nll;
  entry["perplexity"] = row.report.perplexity;
  entry["perplexity_95"] = Bounds(row.perplexity);
  entry["ratio_to_dense"] = row.ratio.value;
  entry["ratio_to_dense_95"] = Bounds(row.ratio);
  entry["sparsity"] = row.report.sparsity;
  Json& sparsity_at = entry["sparsity_at"] = Json::object();
  for (size_t i = 0; i < kSparsityContexts.size(); ++i) {
    if (row.report.sparsity_at[i]) sparsity_at[std::to_string(kSparsityContexts[i])] = *row.report.sparsity_at[i];
  }
  entry["kept_tokens"] = row.kept;
  entry["kv_bytes_reserved"] = row.kv_bytes_reserved;
  entry["kv_bytes_dense"] = row.kv_bytes_dense;
  entry["tokens_per_s"] = row.tokens_per_s;
  entry["positions"] = PositionEntries(result, row);
  return entry;
}

// Columns of a CSV file, in order.
class CsvLine {
 public:
  void Add(const std::string& name, const Json& value) {
    AddField(names_, name);
    AddField(values_, value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump());
  }
  void AddList(const std::string& name, const Json& list) {
    std::string text;
    for (const Json& value : list) text += (text.empty() ? "" : " ") + value.dump();
    Add(name, text);
  }

  std::string names() const { return names_ + '\n'; }
  std::string values() const { return values_ + '\n'; }

 private:
  void AddField(std::string& line, std::string field) {
    if (field.find_first_of(",\"\r\n") != std::string::npos) {
      for (size_t i = 0; (i = field.find('"', i)) != std::string::npos; i += 2) field.insert(i, 1, '"');
      field = '"' + field + '"';
    }
    if (&line == &names_ ? !names_.empty() : !first_value_) line += ',';
    if (&line == &values_) first_value_ = false;
    line += field;
  }

  std::string names_;
  std::string values_;
  bool first_value_ = true;
};

CsvLine CsvOf(const SweepResult& result, const SweepRow& row) {
  CsvLine line;
  const Json entry = RowEntry(result, row);
  for (const auto& [name, value] : entry.items()) {
    if (name == "matched_to" || name == "budgets") {
      line.AddList(name, value);
    } else if (name == "perplexity_95" || name == "ratio_to_dense_95") {
      line.Add(name + "_low", value.is_null() ? value : value[0]);
      line.Add(name + "_high", value.is_null() ? value : value[1]);
    } else if (name == "sparsity_at") {
      for (const size_t n : kSparsityContexts) {
        const auto at = value.find(std::to_string(n));
        line.Add("sparsity_at_" + std::to_string(n), at == value.end() ? Json(nullptr) : *at);
      }
    } else if (name != "positions") {
      line.Add(name, value);
    }
  }
  for (size_t i = 0; i < result.buckets.size(); ++i) {
    const PositionBucket& bucket = result.buckets[i];
    const double perplexity = PerplexityOf(row.positions[i]);
    line.Add("perplexity_" + std::to_string(bucket.from) + "_" + std::to_string(bucket.to),
             std::isnan(perplexity) ? Json(nullptr) : Json(perplexity));
  }
  return line;
}

std::string Number(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Range(const char* format, const Estimate& estimate) {
  return estimate.has_interval() ? Number(format, estimate.low) + ".." + Number(format, estimate.high) : "-";
}

std::string TableLine(size_t index, const SweepRow& row) {
  const PerplexityReport& report = row.report;
  const auto at = [&](size_t i) { return report.sparsity_at[i] ? Number("%.3f", *report.sparsity_at[i]) : "-"; };
  char line[400];
  std::snprintf(
      line, sizeof line, "%3zu %-26s %-24s %6s %9.3f %19s %7.4f %16s %7.3f %6s %6s %6s %8.2f %10s %5.1f%% %9.0f\n",
      index, row.policy.c_str(), ShortName(row.job.model).c_str(),
      row.job.model.gamma ? Number("%g", *row.job.model.gamma).c_str() : "-", report.perplexity,
      Range("%.2f", row.perplexity).c_str(), row.ratio.value, Range("%.4f", row.ratio).c_str(), report.sparsity,
      at(0).c_str(), at(1).c_str(), at(2).c_str(), row.kept,
      HumanBytes(static_cast<double>(row.kv_bytes_reserved)).c_str(),
      100.0 * static_cast<double>(row.kv_bytes_reserved) / static_cast<double>(row.kv_bytes_dense), row.tokens_per_s);
  return line;
}

}  // namespace

void CompareRows(SweepResult& result) {
  const size_t units = result.units.count;
  const Bootstrap bootstrap(units, units < 2 ? 0 : result.bootstrap_samples, result.seed);
  const SweepRow& control = result.rows[0];
  for (SweepRow& row : result.rows) {
    const double perplexity = row.report.perplexity;
    row.perplexity = bootstrap.Of(perplexity, row.units, [](double nll) { return std::exp(nll); });
    row.ratio = bootstrap.Of(perplexity / control.report.perplexity, row.units, control.units,
                             [](double nll, double dense) { return std::exp(nll - dense); });
  }
}

Json SweepDocument(const SweepResult& result) {
  const PerplexityReport& control = result.rows[0].report;
  Json document;
  document["context"] = result.shape.context;
  document["stride"] = result.shape.stride;
  document["windows"] = result.windows;
  document["documents"] = control.documents;
  document["tokens"] = control.tokens;
  document["weights"] = result.weights;
  document["kv"] = result.kv;
  document["threads"] = result.threads;
  document["bootstrap"] = {{"unit", result.units.name},
                           {"units", result.units.count},
                           {"block_windows", result.units.block_windows},
                           {"samples", result.bootstrap_samples},
                           {"seed", result.seed}};
  document["complete"] = result.complete;
  Json& rows = document["rows"] = Json::array();
  for (const SweepRow& row : result.rows) rows.push_back(RowEntry(result, row));
  return document;
}

std::string SweepCsv(const SweepResult& result) {
  std::string csv;
  for (const SweepRow& row : result.rows) {
    const CsvLine line = CsvOf(result, row);
    if (csv.empty()) csv = line.names();
    csv += line.values();
  }
  return csv;
}

std::string SweepTable(const SweepResult& result) {
  const PerplexityReport& control = result.rows[0].report;
  char head[700];
  std::snprintf(
      head, sizeof head,
      "context %d, stride %d: %zu tokens of %zu windows, %zu documents; %s weights, %s KV, %d threads\n"
      "intervals: 95 %%, %zu samples of %zu %ss%s\n\n"
      "%3s %-26s %-24s %6s %9s %19s %7s %16s %7s %6s %6s %6s %8s %10s %6s %9s\n",
      result.shape.context, result.shape.stride, control.tokens, result.windows, control.documents,
      result.weights.c_str(), result.kv.c_str(), result.threads, result.bootstrap_samples, result.units.count,
      result.units.name.c_str(),
      result.units.block_windows != 0 ? (" of " + std::to_string(result.units.block_windows) + " windows").c_str() : "",
      "row", "policy", "model", "gamma", "perplex.", "interval", "/dense", "interval", "sparse", "@250", "@500",
      "@1000", "kept", "KV", "/dense", "tokens/s");
  std::string table = head;
  for (size_t i = 0; i < result.rows.size(); ++i) table += TableLine(i, result.rows[i]);
  return table;
}

}  // namespace dcp::tools
