// What a sweep is made of: kept tokens of a policy and the spec that matches them, resampling, position buckets,
// manifests.
#include <gtest/gtest.h>

#include <cmath>

#include "dcp-eval/scoring/bootstrap.h"
#include "dcp-eval/scoring/model_list.h"
#include "dcp-eval/sweep/kept_budget.h"
#include "dcp-eval/sweep/row.h"
#include "dcp/error.h"
#include "dcp/sampler.h"

namespace dcp::tools {
namespace {

using Kind = PolicySpec::Kind;

// What the policy itself says: how many of the tokens so far have not expired.
size_t CountKept(const PolicySpec& spec, int32_t position) {
  const auto policy = MakePolicy(spec);
  size_t kept = 0;
  for (int32_t token = 0; token <= position; ++token) kept += policy->ExpiresAt(token) > position;
  return kept;
}

TEST(KeptAt, CountsWhatThePolicyKeeps) {
  for (const char* text : {"dense", "window:1", "window:7", "sinks:4,3", "sinks:0,5", "sinks:9,1", "strided:1,1",
                           "strided:5,3", "strided:1,8", "strided:30,2"}) {
    const PolicySpec spec = ParsePolicy(text);
    for (int32_t position = 0; position < 40; ++position) {
      EXPECT_EQ(KeptAt(spec, static_cast<size_t>(position)), CountKept(spec, position)) << text << " at " << position;
    }
  }
  EXPECT_EQ(KeptAt(ParsePolicy("h2o:6"), 3), 4u);
  EXPECT_EQ(KeptAt(ParsePolicy("h2o:6"), 30), 6u);
}

TEST(PredictingPositions, CountsScoredTokens) {
  // Scored: tokens 1, 2, 3 of the first, 4 and 5 of the second, which begins at 2.
  const std::vector<Window> windows = {{0, 0, 4, 1}, {0, 2, 6, 4}};
  EXPECT_EQ(PredictingPositions(windows), (std::vector<size_t>{1, 2, 2, 0}));
}

// Every spec of the kind that a context of `counts` tokens can tell apart.
std::vector<PolicySpec> AllSpecs(Kind kind, int context) {
  std::vector<PolicySpec> specs;
  for (int n = kind == Kind::kH2O ? 2 : 1; n <= context; ++n) {
    PolicySpec spec;
    spec.kind = kind;
    spec.window = n;
    if (kind == Kind::kH2O) spec.budget = n;
    if (kind == Kind::kSinks) {
      spec.sinks = std::min(4, n - 1);
      spec.window = n - spec.sinks;
    }
    if (kind != Kind::kStrided) {
      specs.push_back(spec);
      continue;
    }
    for (spec.stride = 2; spec.stride <= context; ++spec.stride) specs.push_back(spec);
  }
  return specs;
}

TEST(MatchKept, NothingOfItsKindIsNearer) {
  // A ramp, as the first windows have, and a level part.
  const std::vector<std::vector<size_t>> cases = {
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 1}};
  for (const auto& counts : cases) {
    const auto context = static_cast<int>(counts.size());
    for (const Kind kind : {Kind::kWindow, Kind::kSinks, Kind::kStrided, Kind::kH2O}) {
      for (double kept = 0.5; kept < context + 1; kept += 0.37) {
        double nearest = 1e9;
        for (const PolicySpec& spec : AllSpecs(kind, context)) {
          nearest = std::min(nearest, std::abs(MeanKept(spec, counts) - kept));
        }
        const PolicySpec match = MatchKept(kind, kept, counts);
        EXPECT_EQ(match.kind, kind);
        const double error = std::abs(MeanKept(match, counts) - kept);
        if (kind == Kind::kStrided) nearest = std::max(nearest, 0.01 * kept);
        EXPECT_LE(error, nearest + 1e-12) << MakePolicy(match)->name() << " for " << kept;
      }
    }
  }
}

TEST(MatchKept, FindsTheSpecThatKeepsExactlyThat) {
  std::vector<size_t> counts(200, 3);
  for (size_t i = 100; i < 200; ++i) counts[i] = 11;
  for (const char* text :
       {"window:1", "window:50", "window:199", "sinks:4,1", "sinks:4,60", "sinks:2,1", "h2o:2", "h2o:77"}) {
    const PolicySpec spec = ParsePolicy(text);
    EXPECT_EQ(MakePolicy(MatchKept(spec.kind, MeanKept(spec, counts), counts))->name(), text);
  }
}

TEST(MatchKept, StridedSplitsItsBudgetInHalves) {
  std::vector<size_t> last(1000, 0);
  last.back() = 1;
  const PolicySpec spec = MatchKept(Kind::kStrided, 200, last);
  EXPECT_NEAR(MeanKept(spec, last), 200, 2);
  EXPECT_NEAR(spec.window, 100, 10);
}

std::vector<Window> WindowsOf(const std::vector<size_t>& per_document) {
  std::vector<Window> windows;
  for (size_t document = 0; document < per_document.size(); ++document) {
    for (size_t i = 0; i < per_document[document]; ++i) windows.push_back({document, i, i + 2, i + 1});
  }
  return windows;
}

TEST(ChooseUnits, FewDocumentsAreCutIntoBlocks) {
  const auto windows = WindowsOf({150, 7, 100});
  const ResampleUnits units = ChooseUnits(windows);
  EXPECT_EQ(units.name, "block");
  EXPECT_EQ(units.block_windows, 5u);
  EXPECT_EQ(units.count, 30u + 2u + 20u);
  ASSERT_EQ(units.of_window.size(), windows.size());
  for (size_t i = 1; i < windows.size(); ++i) {
    const bool next = units.of_window[i] != units.of_window[i - 1];
    EXPECT_EQ(units.of_window[i], units.of_window[i - 1] + next);
    EXPECT_TRUE(next || windows[i].document == windows[i - 1].document) << "a block lies in one document";
  }
  EXPECT_EQ(ChooseUnits(WindowsOf({3})).count, 3u);
  EXPECT_EQ(ChooseUnits(WindowsOf({9000})).block_windows, 16u);
}

TEST(ChooseUnits, ManyDocumentsAreUnitsThemselves) {
  const ResampleUnits units = ChooseUnits(WindowsOf(std::vector<size_t>(20, 3)));
  EXPECT_EQ(units.name, "document");
  EXPECT_EQ(units.count, 20u);
  EXPECT_EQ(units.of_window[58], 19u);
}

std::vector<NllSum> RandomUnits(size_t count, uint64_t seed, double spread = 0.5) {
  std::vector<NllSum> units;
  for (size_t i = 0; i < count; ++i) {
    const size_t tokens = 50 + static_cast<size_t>(100 * CounterUniform(seed, 1, i));
    double bell = -6;
    for (uint64_t k = 0; k < 12; ++k) bell += CounterUniform(seed, 2 + k, i);
    units.push_back({(3 + spread * bell) * static_cast<double>(tokens), tokens});
  }
  return units;
}

double Total(const std::vector<NllSum>& units) {
  NllSum sum;
  for (const NllSum& unit : units) {
    sum.nll += unit.nll;
    sum.tokens += unit.tokens;
  }
  return PerplexityOf(sum);
}

TEST(PerplexityBootstrap, IsAFunctionOfItsSeed) {
  const auto units = RandomUnits(30, 1);
  const auto interval = [&](uint64_t seed) { return *PerplexityBootstrap(30, 300, seed).Perplexity(units); };
  EXPECT_EQ(interval(5).low, interval(5).low);
  EXPECT_EQ(interval(5).high, interval(5).high);
  EXPECT_NE(interval(5).low, interval(6).low);
  EXPECT_LT(interval(5).low, Total(units));
  EXPECT_GT(interval(5).high, Total(units));
}

// Texts drawn from one distribution: of many intervals about 95 % hold its mean.
TEST(PerplexityBootstrap, CoversTheTruth) {
  const PerplexityBootstrap bootstrap(60, 400, 0);
  int covered = 0;
  constexpr int kTexts = 300;
  for (uint64_t text = 0; text < kTexts; ++text) {
    const auto interval = bootstrap.Perplexity(RandomUnits(60, 100 + text));
    covered += interval->low <= std::exp(3) && std::exp(3) <= interval->high;
  }
  EXPECT_GE(covered, kTexts * 0.90);
  EXPECT_LE(covered, kTexts * 0.985);
}

TEST(PerplexityBootstrap, RatiosArePaired) {
  const auto control = RandomUnits(40, 3);
  std::vector<NllSum> worse = control;
  for (NllSum& unit : worse) unit.nll += 0.01 * static_cast<double>(unit.tokens);
  const PerplexityBootstrap bootstrap(40, 200, 0);
  const Interval ratio = *bootstrap.Ratio(worse, control);
  EXPECT_NEAR(ratio.low, std::exp(0.01), 1e-9) << "texts differ, but the rows differ by the same on each";
  EXPECT_NEAR(ratio.high, std::exp(0.01), 1e-9);
  const Interval alone = *bootstrap.Perplexity(worse);
  EXPECT_GT(alone.high / alone.low, 1.1);
}

TEST(PerplexityBootstrap, HasNothingToSayAboutOneText) {
  EXPECT_FALSE(PerplexityBootstrap(1, 100, 0).Perplexity(RandomUnits(1, 1)));
  EXPECT_FALSE(PerplexityBootstrap(9, 0, 0).Ratio(RandomUnits(9, 1), RandomUnits(9, 1)));
}

TEST(PositionBuckets, CoverEveryPositionOnce) {
  for (const size_t context : {2u, 64u, 65u, 66u, 300u, 1024u, 2000u}) {
    size_t next = 0;
    for (const PositionBucket& bucket : PositionBuckets(context)) {
      EXPECT_EQ(bucket.from, next);
      EXPECT_GE(bucket.to, bucket.from);
      next = bucket.to + 1;
    }
    EXPECT_EQ(next, context - 1) << "the last token predicts nothing";
  }
  std::vector<size_t> starts;
  for (const PositionBucket& bucket : PositionBuckets(1024)) starts.push_back(bucket.from);
  EXPECT_EQ(starts, (std::vector<size_t>{0, 64, 128, 256, 512, 768}));
}

TEST(ParseManifest, PathsAreRelativeToItsFolder) {
  const ModelList list = ParseManifest(
      R"({"default": "x", "dense_control": {"model": "control", "adapter": null},
          "sweep": [{"gamma": 0.3, "model": "base", "adapter": "a/b"}, {"gamma": null, "model": "/abs"}]})",
      "models/manifest.json");
  EXPECT_EQ(list.control.model, "models/control");
  EXPECT_EQ(list.control.adapter, "");
  ASSERT_EQ(list.variants.size(), 2u);
  EXPECT_EQ(list.variants[0].model, "models/base");
  EXPECT_EQ(list.variants[0].adapter, "models/a/b");
  EXPECT_EQ(list.variants[0].gamma, 0.3);
  EXPECT_EQ(list.variants[1].model, "/abs");
  EXPECT_FALSE(list.variants[1].gamma);
  EXPECT_TRUE(list.baselines.empty());
}

TEST(ParseManifest, BaselinesThatWereFineTuned) {
  const ModelList list = ParseManifest(
      R"({"dense_control": {"model": "c"}, "sweep": [{"model": "a"}],
          "baselines": [{"policy": "strided:9,7", "model": "tuned", "adapter": "on"}]})",
      "manifest.json");
  ASSERT_EQ(list.baselines.size(), 1u);
  EXPECT_EQ(list.baselines[0].model.model, "tuned");
  EXPECT_EQ(list.baselines[0].policy.window, 9);
  EXPECT_EQ(ShortName(list.baselines[0].model), "tuned+on");
  EXPECT_EQ(ShortName({"models/x/", "", {}}), "x");
}

TEST(ParseManifest, NamesWhatIsWrong) {
  const auto refuse = [](const std::string& text, const std::vector<std::string>& words) {
    try {
      ParseManifest(text, "m.json");
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string message = error.what();
      EXPECT_EQ(message.find("m.json: "), 0u) << message;
      for (const std::string& word : words) EXPECT_NE(message.find(word), std::string::npos) << message;
    }
  };
  const std::string control = R"("dense_control": {"model": "c"})";
  refuse("{", {"not valid JSON"});
  refuse("[]", {"an array", "object"});
  refuse("{}", {"dense_control", "missing"});
  refuse("{" + control + "}", {"sweep", "missing"});
  refuse(R"({"dense_control": "c", "sweep": [{"model": "a"}]})", {"dense_control", "\"c\"", "object"});
  refuse(R"({"dense_control": {}, "sweep": [{"model": "a"}]})", {"dense_control.model", "missing"});
  refuse("{" + control + R"(, "sweep": []})", {"sweep", "1 or more", "has 0"});
  refuse("{" + control + R"(, "sweep": {"model": "a"}})", {"sweep", "array"});
  refuse("{" + control + R"(, "sweep": [{"model": "a"}, 3]})", {"sweep[1]", "3", "object"});
  refuse("{" + control + R"(, "sweep": [{"model": 7}]})", {"sweep[0].model", "7"});
  refuse("{" + control + R"(, "sweep": [{"model": "a", "adapter": ""}]})", {"sweep[0].adapter", "\"\""});
  refuse("{" + control + R"(, "sweep": [{"model": "a", "gamma": "big"}]})", {"sweep[0].gamma", "big", "number"});
  const std::string learned = control + R"(, "sweep": [{"model": "a"}], "baselines": )";
  refuse("{" + learned + "3}", {"baselines", "3", "array"});
  refuse("{" + learned + R"([{"model": "b"}]})", {"baselines[0].policy", "missing"});
  refuse("{" + learned + R"([{"model": "b", "policy": "lru"}]})", {"baselines[0]", "lru", "window:N"});
  refuse("{" + learned + R"([{"model": "b", "policy": "learned"}]})", {"baselines[0].policy", "learned"});
  refuse("{" + learned + R"([{"policy": "dense"}]})", {"baselines[0].model", "missing"});
}

}  // namespace
}  // namespace dcp::tools
