#include "dcp-inspect/stats/collector.h"

#include <algorithm>

#include "common/trace.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

// Groups of tokens, in the order of their measures: all, content words, classes, deciles, positions.
constexpr size_t kAll = 0;
constexpr size_t kContent = 1;
constexpr size_t kFirstClass = 2;
constexpr size_t kFirstDecile = kFirstClass + kTokenClasses;
constexpr size_t kFirstPosition = kFirstDecile + kDeciles;

constexpr size_t kTop = 20;

size_t GroupOf(TokenClass token_class) { return kFirstClass + static_cast<size_t>(token_class); }

bool IsContent(TokenClass token_class) {
  return token_class == TokenClass::kWord || token_class == TokenClass::kCapitalised;
}

// 1, 2, 4, .. up to the horizon, which is the last.
std::vector<size_t> AgesUpTo(size_t horizon) {
  std::vector<size_t> ages;
  for (size_t age = 1; age < horizon; age *= 2) ages.push_back(age);
  ages.push_back(horizon);
  return ages;
}

// 0, 1, 4, 16, .. : positions 0, 1-3, 4-15, ... below `end`.
std::vector<size_t> EdgesUpTo(size_t end) {
  std::vector<size_t> edges = {0};
  for (size_t edge = 1; edge < end; edge *= 4) edges.push_back(edge);
  edges.push_back(end);
  return edges;
}

std::string RangeName(size_t first, size_t end) {
  return end - first == 1 ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(end - 1);
}

}  // namespace

std::map<std::string, int> WordDeciles(const std::map<std::string, size_t>& counts) {
  std::vector<std::pair<std::string, size_t>> words(counts.begin(), counts.end());
  std::stable_sort(words.begin(), words.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  double total = 0;
  for (const auto& [word, count] : words) total += static_cast<double>(count);
  std::map<std::string, int> deciles;
  double before = 0;
  for (const auto& [word, count] : words) {
    const double middle = before + static_cast<double>(count) / 2;
    deciles[word] = static_cast<int>(kDeciles * middle / total);
    before += static_cast<double>(count);
  }
  return deciles;
}

StatsCollector::StatsCollector(size_t layers, size_t context, size_t horizon, int eviction_delay)
    : layers_(layers),
      context_(context),
      horizon_(horizon),
      eviction_delay_(eviction_delay),
      ages_(AgesUpTo(horizon)),
      position_edges_(EdgesUpTo(context - horizon)),
      groups_(kFirstPosition + position_edges_.size() - 1),
      measures_of_row_(2 * groups_ + ages_.size() + 2 * kTokenClasses),
      sums_((layers + 1) * measures_of_row_),
      droppers_(layers + 1) {}

size_t StatsCollector::GroupMeasure(size_t row, size_t group) const { return row * measures_of_row_ + 2 * group; }

size_t StatsCollector::SurvivalMeasure(size_t row, size_t age) const {
  return row * measures_of_row_ + 2 * groups_ + age;
}

size_t StatsCollector::DropperMeasure(size_t row, size_t token_class) const {
  return row * measures_of_row_ + 2 * groups_ + ages_.size() + 2 * token_class;
}

void StatsCollector::Add(std::span<const StatsToken> tokens, std::span<const DropLog> drops) {
  if (tokens.size() != context_ || drops.size() != layers_) {
    throw Error(ErrorCode::kInternal, "a window of " + std::to_string(tokens.size()) + " tokens and " +
                                          std::to_string(drops.size()) + " layers, expected " +
                                          std::to_string(context_) + " and " + std::to_string(layers_));
  }
  sums_.BeginWindow();
  for (size_t layer = 0; layer < layers_; ++layer) {
    AddLayer(layer, tokens, drops[layer]);
    AddLayer(layers_, tokens, drops[layer]);
  }
}

void StatsCollector::AddGroup(size_t row, size_t group, bool dropped, double lifetime) {
  sums_.Add(GroupMeasure(row, group), dropped ? 1 : 0, 1);
  sums_.Add(GroupMeasure(row, group) + 1, lifetime, 1);
}

void StatsCollector::AddLayer(size_t row, std::span<const StatsToken> tokens, const DropLog& log) {
  std::vector<size_t> made(tokens.size(), 0);  // drops of each token
  size_t bin = 0;
  for (size_t j = 0; j < tokens.size(); ++j) {
    const bool ever = log.dropped_at[j] >= 0;
    if (ever) ++made[static_cast<size_t>(DroppedBy(log, j, eviction_delay_))];
    if (j + horizon_ >= tokens.size()) continue;
    const size_t life = ever ? static_cast<size_t>(log.dropped_at[j]) - j : tokens.size();
    const bool dropped = life <= horizon_;
    const auto lifetime = static_cast<double>(std::min(life, horizon_));
    while (j >= position_edges_[bin + 1]) ++bin;
    AddGroup(row, kAll, dropped, lifetime);
    AddGroup(row, GroupOf(tokens[j].token_class), dropped, lifetime);
    AddGroup(row, kFirstPosition + bin, dropped, lifetime);
    if (IsContent(tokens[j].token_class)) AddGroup(row, kContent, dropped, lifetime);
    if (tokens[j].decile >= 0) AddGroup(row, kFirstDecile + static_cast<size_t>(tokens[j].decile), dropped, lifetime);
    for (size_t age = 0; age < ages_.size(); ++age) sums_.Add(SurvivalMeasure(row, age), life > ages_[age] ? 1 : 0, 1);
  }
  size_t total = 0;
  for (const size_t count : made) total += count;
  for (size_t c = 0; c < kTokenClasses; ++c) sums_.Add(DropperMeasure(row, c), 0, static_cast<double>(total));
  for (size_t n = 0; n < tokens.size(); ++n) {
    const size_t measure = DropperMeasure(row, static_cast<size_t>(tokens[n].token_class));
    sums_.Add(measure, static_cast<double>(made[n]), 0);
    sums_.Add(measure + 1, static_cast<double>(made[n]), 1);
    Counts& counts = droppers_[row][tokens[n].label];
    ++counts.seen;
    counts.drops += made[n];
  }
}

GroupStats StatsCollector::Group(const WindowBootstrap& bootstrap, size_t row, size_t group, std::string name) const {
  const size_t measure = GroupMeasure(row, group);
  return {std::move(name), sums_.Weight(measure), bootstrap.Of(measure), bootstrap.Of(measure + 1)};
}

LayerStats StatsCollector::Layer(const WindowBootstrap& bootstrap, size_t row) const {
  LayerStats layer;
  layer.all = Group(bootstrap, row, kAll, "all");
  for (size_t c = 0; c < kTokenClasses; ++c) {
    const std::string name(ToString(static_cast<TokenClass>(c)));
    layer.classes.push_back(Group(bootstrap, row, kFirstClass + c, name));
    const size_t dropper = DropperMeasure(row, c);
    layer.droppers.push_back({name, bootstrap.Of(dropper), bootstrap.Of(dropper + 1)});
  }
  for (size_t d = 0; d < kDeciles; ++d) {
    layer.deciles.push_back(Group(bootstrap, row, kFirstDecile + d, std::to_string(d + 1)));
  }
  for (size_t bin = 0; bin + 1 < position_edges_.size(); ++bin) {
    const std::string name = RangeName(position_edges_[bin], position_edges_[bin + 1]);
    layer.positions.push_back(Group(bootstrap, row, kFirstPosition + bin, name));
  }
  for (size_t age = 0; age < ages_.size(); ++age) layer.survival.push_back(bootstrap.Of(SurvivalMeasure(row, age)));
  const auto difference = [&](TokenClass token_class) {
    return bootstrap.Difference(GroupMeasure(row, GroupOf(token_class)) + 1, GroupMeasure(row, kContent) + 1);
  };
  layer.stop_minus_content = difference(TokenClass::kStopWord);
  layer.punctuation_minus_content = difference(TokenClass::kPunctuation);
  for (const auto& [label, counts] : droppers_[row]) {
    // Together, every token was counted once for each layer.
    const size_t seen = row == layers_ ? counts.seen / layers_ : counts.seen;
    if (counts.drops > 0) layer.top.push_back({label, seen, counts.drops});
  }
  std::stable_sort(layer.top.begin(), layer.top.end(),
                   [](const TopDropper& a, const TopDropper& b) { return a.drops > b.drops; });
  layer.top.resize(std::min(layer.top.size(), kTop));
  return layer;
}

CorpusStats StatsCollector::Finish(int resamples, uint64_t seed) const {
  const WindowBootstrap bootstrap(sums_, resamples, seed);
  CorpusStats stats;
  stats.windows = sums_.windows();
  stats.context = context_;
  stats.horizon = horizon_;
  stats.ages = ages_;
  for (size_t row = 0; row <= layers_; ++row) stats.layers.push_back(Layer(bootstrap, row));
  return stats;
}

}  // namespace dcp::tools
