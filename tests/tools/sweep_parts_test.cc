// What a sweep is made of: kept tokens of a policy and the spec that matches them, resampling, position buckets,
// manifests.
#include <gtest/gtest.h>

#include <cmath>

#include "common/bootstrap.h"
#include "common/windows.h"
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

std::vector<Ratio> RandomUnits(size_t count, uint64_t seed, double spread = 0.5) {
  std::vector<Ratio> units;
  for (size_t i = 0; i < count; ++i) {
    const double tokens = 50 + std::floor(100 * CounterUniform(seed, 1, i));
    double bell = -6;
    for (uint64_t k = 0; k < 12; ++k) bell += CounterUniform(seed, 2 + k, i);
    units.push_back({(3 + spread * bell) * tokens, tokens});
  }
  return units;
}

TEST(Bootstrap, IsAFunctionOfItsSeed) {
  const auto units = RandomUnits(30, 1);
  const auto estimate = [&](uint64_t seed) { return Bootstrap(30, 300, seed).Of(units); };
  EXPECT_EQ(estimate(5).low, estimate(5).low);
  EXPECT_EQ(estimate(5).high, estimate(5).high);
  EXPECT_NE(estimate(5).low, estimate(6).low);
  EXPECT_LT(estimate(5).low, estimate(5).value);
  EXPECT_GT(estimate(5).high, estimate(5).value);
}

// Texts drawn from one distribution: of many intervals about 95 % hold its mean.
TEST(Bootstrap, CoversTheTruth) {
  const Bootstrap bootstrap(60, 400, 0);
  int covered = 0;
  constexpr int kTexts = 300;
  for (uint64_t text = 0; text < kTexts; ++text) {
    const Estimate estimate = bootstrap.Of(RandomUnits(60, 100 + text));
    covered += estimate.low <= 3 && 3 <= estimate.high;
  }
  EXPECT_GE(covered, kTexts * 0.90);
  EXPECT_LE(covered, kTexts * 0.985);
}

TEST(Bootstrap, ComparisonsArePaired) {
  const auto control = RandomUnits(40, 3);
  std::vector<Ratio> worse = control;
  for (Ratio& unit : worse) unit.sum += 0.01 * unit.weight;
  const Bootstrap bootstrap(40, 200, 0);
  const Estimate ratio = bootstrap.Of(7, worse, control, [](double a, double b) { return std::exp(a - b); });
  EXPECT_EQ(ratio.value, 7) << "as it was given";
  EXPECT_NEAR(ratio.low, std::exp(0.01), 1e-9) << "texts differ, but the rows differ by the same on each";
  EXPECT_NEAR(ratio.high, std::exp(0.01), 1e-9);
  const Estimate difference = bootstrap.Difference(worse, control);
  EXPECT_NEAR(difference.value, 0.01, 1e-12);
  EXPECT_NEAR(difference.high, 0.01, 1e-9);
  const Estimate alone = bootstrap.Of(0, worse, [](double nll) { return std::exp(nll); });
  EXPECT_GT(alone.high / alone.low, 1.1);
}

TEST(Bootstrap, SaysWhatItDoesNotKnow) {
  const Estimate unsampled = Bootstrap(9, 0, 0).Of(RandomUnits(9, 1));
  EXPECT_FALSE(unsampled.has_interval());
  EXPECT_FALSE(std::isnan(unsampled.value));
  EXPECT_TRUE(Bounds(unsampled).is_null());
  const Estimate nothing = Bootstrap(9, 50, 0).Of(std::vector<Ratio>(9));
  EXPECT_TRUE(std::isnan(nothing.value));
  EXPECT_FALSE(nothing.has_interval());
  std::vector<Ratio> rare(9);
  rare[3] = {2, 1};
  const Estimate sometimes = Bootstrap(9, 50, 0).Of(rare);  // many samples hold nothing of it
  EXPECT_EQ(Bounds(sometimes), Json::array({2.0, 2.0}));
}

TEST(Windows, WholeOnesSideBySideSpreadOut) {
  const std::vector<size_t> lengths = {35, 9, 10};
  std::vector<std::vector<size_t>> found;
  for (const Window& w : MakeWholeWindows(lengths, 10)) found.push_back({w.document, w.begin, w.end});
  EXPECT_EQ(found, (std::vector<std::vector<size_t>>{{0, 0, 10}, {0, 10, 20}, {0, 20, 30}, {2, 0, 10}}));
  EXPECT_EQ(SpreadOut(MakeWholeWindows(lengths, 10), 0).size(), 4u);
  EXPECT_EQ(SpreadOut(MakeWholeWindows(lengths, 10), 9).size(), 4u);
  const auto two = SpreadOut(MakeWholeWindows(lengths, 10), 2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].begin, 0u);
  EXPECT_EQ(two[1].begin, 20u);
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
  EXPECT_EQ(ShortName({"models/x/", ""}), "x");
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
