#include "dcp-eval/sweep/row.h"

#include <algorithm>

namespace dcp::tools {
namespace {

Json SumsToJson(std::span<const Ratio> sums) {
  Json list = Json::array();
  for (const Ratio& nll : sums) list.push_back(Json::array({nll.sum, static_cast<size_t>(nll.weight)}));
  return list;
}

std::vector<Ratio> SumsFromJson(const Json& list) {
  std::vector<Ratio> sums;
  for (const Json& entry : list) sums.push_back({entry.at(0).get<double>(), entry.at(1).get<double>()});
  return sums;
}

}  // namespace

std::vector<PositionBucket> PositionBuckets(size_t context) {
  std::vector<PositionBucket> buckets;
  for (size_t from = 0, size = 64; from + 1 < context; from += size) {
    size = from < 128 ? 64 : from < 256 ? 128 : 256;
    buckets.push_back({from, std::min(from + size, context - 1) - 1});
  }
  return buckets;
}

void SumUp(std::span<const Window> windows, const ScoredWindows& scored, const ResampleUnits& units,
           std::span<const PositionBucket> buckets, SweepRow& row) {
  row.report = Summarise(windows, scored.windows);
  row.kv_bytes_reserved = scored.peak_reserved_bytes;
  row.kv_bytes_dense = scored.peak_dense_bytes;
  row.units.assign(units.count, {});
  row.positions.assign(buckets.size(), {});
  double kept = 0;
  for (size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    const WindowScore& score = scored.windows[i];
    kept += score.kept * static_cast<double>(score.nll.size());
    size_t position = window.first_scored - window.begin - 1;
    size_t bucket = 0;
    for (const double nll : score.nll) {
      while (position > buckets[bucket].to) ++bucket;
      row.positions[bucket].Add(nll);
      row.units[units.of_window[i]].Add(nll);
      ++position;
    }
  }
  row.kept = kept / static_cast<double>(row.report.tokens);
}

Json MeasuredToJson(const SweepRow& row) {
  Json json;
  json["policy"] = row.policy;
  json["tokens"] = row.report.tokens;
  json["nll"] = row.report.nll;
  json["perplexity"] = row.report.perplexity;
  json["sparsity"] = row.report.sparsity;
  Json& sparsity_at = json["sparsity_at"] = Json::array();
  for (const auto& sparsity : row.report.sparsity_at) sparsity_at.push_back(OrNull(sparsity));
  json["windows"] = row.report.windows;
  json["documents"] = row.report.documents;
  json["kept"] = row.kept;
  json["kv_bytes_reserved"] = row.kv_bytes_reserved;
  json["kv_bytes_dense"] = row.kv_bytes_dense;
  json["tokens_per_s"] = row.tokens_per_s;
  json["units"] = SumsToJson(row.units);
  json["positions"] = SumsToJson(row.positions);
  return json;
}

void MeasuredFromJson(const Json& json, SweepRow& row) {
  json.at("policy").get_to(row.policy);
  json.at("tokens").get_to(row.report.tokens);
  json.at("nll").get_to(row.report.nll);
  json.at("perplexity").get_to(row.report.perplexity);
  json.at("sparsity").get_to(row.report.sparsity);
  for (size_t i = 0; i < row.report.sparsity_at.size(); ++i) {
    const Json& sparsity = json.at("sparsity_at").at(i);
    if (!sparsity.is_null()) row.report.sparsity_at[i] = sparsity.get<double>();
  }
  json.at("windows").get_to(row.report.windows);
  json.at("documents").get_to(row.report.documents);
  json.at("kept").get_to(row.kept);
  json.at("kv_bytes_reserved").get_to(row.kv_bytes_reserved);
  json.at("kv_bytes_dense").get_to(row.kv_bytes_dense);
  json.at("tokens_per_s").get_to(row.tokens_per_s);
  row.units = SumsFromJson(json.at("units"));
  row.positions = SumsFromJson(json.at("positions"));
}

}  // namespace dcp::tools
