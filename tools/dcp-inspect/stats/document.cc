#include "dcp-inspect/stats/document.h"

#include <cmath>

#include "dcp-inspect/names.h"

namespace dcp::tools {
namespace {

Json EstimateEntry(const Estimate& estimate) {
  if (std::isnan(estimate.value)) return nullptr;
  return Json::array({estimate.value, estimate.low, estimate.high});
}

Json GroupEntries(const std::vector<GroupStats>& groups) {
  Json entries = Json::array();
  for (const GroupStats& group : groups) {
    entries.push_back({{"name", group.name},
                       {"tokens", group.tokens},
                       {"drop_rate", EstimateEntry(group.drop_rate)},
                       {"mean_lifetime", EstimateEntry(group.lifetime)}});
  }
  return entries;
}

Json LayerEntry(const LayerStats& layer) {
  Json entry;
  entry["drop_rate"] = EstimateEntry(layer.all.drop_rate);
  entry["mean_lifetime"] = EstimateEntry(layer.all.lifetime);
  Json& survival = entry["survival"] = Json::array();
  for (const Estimate& estimate : layer.survival) survival.push_back(EstimateEntry(estimate));
  entry["by_class"] = GroupEntries(layer.classes);
  entry["by_frequency"] = GroupEntries(layer.deciles);
  entry["by_position"] = GroupEntries(layer.positions);
  Json& droppers = entry["droppers"] = Json::array();
  for (const DropperStats& dropper : layer.droppers) {
    droppers.push_back({{"name", dropper.name},
                        {"share", EstimateEntry(dropper.share)},
                        {"per_token", EstimateEntry(dropper.per_token)}});
  }
  Json& top = entry["top_droppers"] = Json::array();
  for (const TopDropper& dropper : layer.top) {
    top.push_back({{"token", dropper.label}, {"seen", dropper.seen}, {"drops", dropper.drops}});
  }
  entry["stop_words_minus_content"] = EstimateEntry(layer.stop_minus_content);
  entry["punctuation_minus_content"] = EstimateEntry(layer.punctuation_minus_content);
  return entry;
}

}  // namespace

Json StatsDocument(const CorpusReport& report) {
  const CorpusStats& stats = report.stats;
  Json document = BeginDocument(report.model, report.policy, report.eviction_delay);
  document["windows"] = stats.windows;
  document["context"] = stats.context;
  document["horizon"] = stats.horizon;
  document["ages"] = stats.ages;
  Json& layers = document["layers"] = Json::array();
  for (size_t l = 0; l + 1 < stats.layers.size(); ++l) layers.push_back(LayerEntry(stats.layers[l]));
  document["all_layers"] = LayerEntry(stats.layers.back());
  return document;
}

}  // namespace dcp::tools
