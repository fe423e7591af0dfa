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
                           "window:4:4"}) {
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
  for (const char* text : {"dense", "learned", "window:256", "sinks:4,60", "strided:8,16", "h2o:32"}) {
    const auto policy = MakePolicy(ParsePolicy(text));
    EXPECT_EQ(policy->NeedsInteraction(), std::string(text) == "learned") << text;
    EXPECT_EQ(policy->NeedsAttention(), std::string(text) == "h2o:32") << text;
  }
}

}  // namespace
}  // namespace dcp
