#include <gtest/gtest.h>

#include <limits>

#include "dcp/eviction_policy.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
using Kind = PolicySpec::Kind;

TEST(ParsePolicy, EverySpelling) {
  EXPECT_EQ(ParsePolicy("dense").kind, Kind::kDense);
  EXPECT_EQ(ParsePolicy("learned").kind, Kind::kLearned);
  EXPECT_EQ(ParsePolicy("learned").threshold, 0.0f);
  EXPECT_EQ(ParsePolicy("window:256").kind, Kind::kWindow);
  EXPECT_EQ(ParsePolicy("window:256").window, 256);
  const PolicySpec sinks = ParsePolicy("sinks:0,7");
  EXPECT_EQ(sinks.kind, Kind::kSinks);
  EXPECT_EQ(sinks.sinks, 0);
  EXPECT_EQ(sinks.window, 7);
  const PolicySpec strided = ParsePolicy("strided:3,8");
  EXPECT_EQ(strided.kind, Kind::kStrided);
  EXPECT_EQ(strided.window, 3);
  EXPECT_EQ(strided.stride, 8);
  const PolicySpec h2o = ParsePolicy("h2o:2");
  EXPECT_EQ(h2o.kind, Kind::kH2O);
  EXPECT_EQ(h2o.budget, 2);
  EXPECT_EQ(h2o.max_kept, 0);
}

TEST(ParsePolicy, SharesOfTheContext) {
  const PolicySpec h2o = ParsePolicy("h2o:20%");
  EXPECT_EQ(h2o.shares.budget, 20);
  EXPECT_EQ(MakePolicy(h2o, 1024)->name(), "h2o:205");
  EXPECT_EQ(MakePolicy(h2o, 3)->name(), "h2o:2") << "as many as the rule needs";
  EXPECT_EQ(MakePolicy(ParsePolicy("window:12.5%"), 256)->name(), "window:32");
  EXPECT_EQ(MakePolicy(ParsePolicy("window:100%"), 7)->name(), "window:7");
  EXPECT_EQ(MakePolicy(ParsePolicy("sinks:4,20%"), 100)->name(), "sinks:4,20");
  EXPECT_EQ(MakePolicy(ParsePolicy("sinks:1%,20%"), 100)->name(), "sinks:1,20");
  EXPECT_EQ(MakePolicy(ParsePolicy("strided:25%,8"), 100)->name(), "strided:25,8");
  EXPECT_EQ(MakePolicy(ParsePolicy("window:10%@0+h2o:50%"), 60)->name(), "window:6@0+h2o:30");
  ExpectError(ErrorCode::kInvalidArgument, {"20 %", "context is 0"}, [&] { MakePolicy(h2o); });
  ExpectError(ErrorCode::kInvalidArgument, {"window", "-3 %"},
              [] { MakePolicy({.kind = Kind::kWindow, .shares = {.window = -3}}, 10); });
}

TEST(ParsePolicy, LayersAndTheirRules) {
  const PolicySpec spec = ParsePolicy("window:128@1-4+window:512@0,5");
  ASSERT_EQ(spec.others.size(), 1u);
  EXPECT_EQ(spec.window, 128);
  ASSERT_EQ(spec.layers.size(), 1u);
  EXPECT_EQ(spec.layers[0].first, 1);
  EXPECT_EQ(spec.layers[0].last, 4);
  EXPECT_EQ(spec.others[0].window, 512);
  EXPECT_EQ(spec.others[0].layers.size(), 2u);
  const auto names = [](const char* text, int layers) {
    std::vector<std::string> of;
    const auto policy = MakePolicy(ParsePolicy(text));
    EXPECT_EQ(policy->name(), text);
    for (int layer = 0; layer < layers; ++layer) {
      const std::string name(policy->ForLayer(layer).name());
      of.push_back(name.substr(0, name.find('@')));
    }
    return of;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("window:12@1-2+window:51@0,4", 5),
            (Names{"window:51", "window:12", "window:12", "dense", "window:51"}));
  EXPECT_EQ(names("window:12@1", 3), (Names{"dense", "window:12", "dense"}));
  EXPECT_EQ(names("sinks:1,2@0+window:12", 3), (Names{"sinks:1,2", "window:12", "window:12"}));
  EXPECT_EQ(names("window:12+sinks:1,2@0", 3), (Names{"sinks:1,2", "window:12", "window:12"}));
  EXPECT_EQ(names("learned@1+h2o:4@0", 3), (Names{"h2o:4", "learned", "dense"}));
  EXPECT_EQ(MakePolicy(ParsePolicy("window:1@0,2-4"))->LeastLayers(), 5);
  EXPECT_TRUE(ParsePolicy("window:1@0+learned").Has(Kind::kLearned));
  EXPECT_FALSE(ParsePolicy("window:1@0+dense").Has(Kind::kLearned));
  PolicySpec capped = ParsePolicy("window:9@0+learned");
  capped.max_kept = 3;
  capped.threshold = 0.5f;
  EXPECT_EQ(MakePolicy(capped)->name(), "window:9@0+learned(threshold=0.5,max-kept=3)");
  EXPECT_EQ(MakePolicy(capped)->ForLayer(0).ExpiresAt(4), 7) << "the cap is for all";
}

TEST(ParsePolicy, EverythingElseIsNamedInOneLine) {
  for (const char* text : {"",
                           " dense",
                           "Dense",
                           "densest",
                           "dense:",
                           "dense:1",
                           "learned:1",
                           "learned:0.5",
                           "window",
                           "window:",
                           "window:0",
                           "window:-1",
                           "window:x",
                           "window:1x",
                           "window: 1",
                           "window:+1",
                           "window:1,2",
                           "window:1.5",
                           "window:99999999999999",
                           "sinks:1",
                           "sinks:1,",
                           "sinks:,1",
                           "sinks:-1,4",
                           "sinks:4,0",
                           "sinks:1,2,3",
                           "strided:0,4",
                           "strided:4,0",
                           "strided:4",
                           "h2o:1",
                           "h2o:0",
                           "h2o",
                           "h2o:4,4",
                           ":",
                           ":4",
                           "window:4:4",
                           "window:0%",
                           "window:101%",
                           "window:-5%",
                           "window:%",
                           "window:nan%",
                           "window:20 %",
                           "window:20%%",
                           "strided:4,20%",
                           "window:4@",
                           "window:4@x",
                           "window:4@-1",
                           "window:4@3-1",
                           "window:4@1-",
                           "window:4@1,",
                           "window:4@1@2",
                           "window:4+",
                           "+window:4",
                           "window:4+dense",
                           "window:4@0+dense+learned",
                           "window:4@0-2+window:5@2",
                           "window:4@1,1"}) {
    SCOPED_TRACE(text);
    ExpectError(ErrorCode::kInvalidArgument, {"\"" + std::string(text) + "\""}, [&] { ParsePolicy(text); });
  }
}

TEST(MakePolicy, ChecksItsNumbers) {
  const auto rejects = [](PolicySpec spec, const char* field) {
    ExpectError(ErrorCode::kInvalidArgument, {field}, [&] { MakePolicy(spec); });
  };
  PolicySpec spec;
  spec.max_kept = -1;
  rejects(spec, "max_kept is -1");
  rejects({.kind = Kind::kWindow}, "window is 0");
  rejects({.kind = Kind::kSinks, .window = 4, .sinks = -2}, "sinks is -2");
  rejects({.kind = Kind::kStrided, .window = 4}, "stride is 0");
  rejects({.kind = Kind::kH2O, .budget = 1}, "budget is 1");
  rejects({.kind = Kind::kLearned, .threshold = std::numeric_limits<float>::quiet_NaN()}, "threshold is NaN");
  rejects({.kind = static_cast<Kind>(42)}, "kind 42");
}

TEST(MakePolicy, NamesSayWhatDiffersFromTheDefaults) {
  for (const char* text : {"dense", "learned", "window:256", "sinks:4,60", "strided:8,16", "h2o:32"}) {
    EXPECT_EQ(MakePolicy(ParsePolicy(text))->name(), text);
    PolicySpec spec = ParsePolicy(text);
    spec.max_kept = 1000;
    EXPECT_EQ(MakePolicy(spec)->name(), std::string(text) + "(max-kept=1000)");
  }
  PolicySpec spec = ParsePolicy("learned");
  spec.threshold = -0.5f;
  EXPECT_EQ(MakePolicy(spec)->name(), "learned(threshold=-0.5)");
  spec.max_kept = 100;
  EXPECT_EQ(MakePolicy(spec)->name(), "learned(threshold=-0.5,max-kept=100)");
}

TEST(MakePolicy, SaysWhatItNeeds) {
  for (const std::string text : {"dense", "learned", "window:256", "sinks:4,60", "strided:8,16", "h2o:32", "window:4@1",
                                 "window:4@1+learned", "h2o:32@0+learned@1"}) {
    const auto policy = MakePolicy(ParsePolicy(text));
    EXPECT_EQ(policy->NeedsInteraction(), text.find("learned") != std::string::npos) << text;
    EXPECT_EQ(policy->FollowsDelay(), text.find("learned") != std::string::npos) << text;
    EXPECT_EQ(policy->NeedsAttention(), text.find("h2o") != std::string::npos) << text;
  }
}

}  // namespace
}  // namespace dcp
