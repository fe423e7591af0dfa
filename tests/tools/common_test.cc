// tools/common: what every tool leans on.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <new>
#include <sstream>
#include <stdexcept>

#include "common/files.h"
#include "common/json.h"
#include "common/measure.h"
#include "common/progress.h"
#include "common/tool.h"
#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

int Guarded(const std::function<int()>& body, std::string& line) {
  std::atomic<bool> interrupted = false;
  std::istringstream in;
  std::ostringstream out, err;
  ToolIo io{in, out, err, interrupted, false};
  const int status = RunGuarded("tool", io, body);
  EXPECT_EQ(out.str(), "");
  line = err.str();
  return status;
}

TEST(RunGuarded, StatusOfEveryError) {
  std::string line;
  const auto throwing = [](ErrorCode code) { return [code]() -> int { throw Error(code, "a\nb"); }; };
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kInvalidModel, ErrorCode::kIo, ErrorCode::kContextFull}) {
    EXPECT_EQ(Guarded(throwing(code), line), 2);
    EXPECT_EQ(line, "tool: a\\nb\n");
  }
  EXPECT_EQ(Guarded(throwing(ErrorCode::kOutOfMemory), line), 1);
  EXPECT_EQ(Guarded(throwing(ErrorCode::kInternal), line), 1);
  EXPECT_EQ(Guarded([]() -> int { throw std::bad_alloc(); }, line), 1);
  EXPECT_EQ(line, "tool: out of memory\n");
  EXPECT_EQ(Guarded([]() -> int { throw std::out_of_range("x"); }, line), 1);
  EXPECT_EQ(line, "tool: unexpected error: x\n");
  EXPECT_EQ(Guarded([]() -> int { throw Interrupted{}; }, line), 130);
  EXPECT_EQ(Guarded([] { return 7; }, line), 7);
  EXPECT_EQ(line, "");
}

TEST(RunGuarded, WarningsAreShownOnceEach) {
  std::string line;
  const auto warn = [](ToolIo& io) { ShowWarnings({"a\nb", "c", "a\nb"}, io); };
  std::atomic<bool> interrupted = false;
  std::istringstream in;
  std::ostringstream out, err;
  ToolIo io{in, out, err, interrupted};
  RunGuarded("tool", io, [&] {
    warn(io);
    warn(io);
    return 0;
  });
  EXPECT_EQ(err.str(), "tool: warning: a\\nb\ntool: warning: c\n");
}

TEST(Json, NumbersReadBackAndBadUtf8IsReplaced) {
  Json document;
  document["third"] = 1.0 / 3.0;
  document["text"] = "caf\xc3\xa9 \xff\xc3";
  document["nan"] = std::numeric_limits<double>::quiet_NaN();
  const std::string text = Dump(document);
  EXPECT_EQ(text.back(), '\n');
  const Json again = Json::parse(text);
  EXPECT_EQ(again["third"].get<double>(), 1.0 / 3.0);
  EXPECT_EQ(again["text"], "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_TRUE(again["nan"].is_null());
}

TEST(Json, FloatsInTheirShortestForm) {
  EXPECT_EQ(Dump(ShortestDouble(0.1f)), "0.1\n");
  for (const float value : {1.0f / 3.0f, -2.7182817f, 1e-30f, 123456.79f}) {
    EXPECT_EQ(static_cast<float>(ShortestDouble(value)), value);
    EXPECT_LE(Dump(ShortestDouble(value)).size(), 16u);
  }
  EXPECT_TRUE(std::isnan(ShortestDouble(std::nanf(""))));
}

TEST(Json, ParseErrorNamesTheSource) {
  try {
    ParseJson("{\"a\": ", "here.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(std::string(error.what()).substr(0, 21), "here.json: not JSON: ");
  }
}

TEST(Quantile, InterpolatesBetweenSamples) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3}, 0.95), 3);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_NEAR(Quantile({0, 100}, 0.95), 95, 1e-9);
}

TEST(Measure, BytesForPeople) {
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.50 KiB");
  EXPECT_EQ(HumanBytes(3.0 * (1 << 30)), "3.00 GiB");
}

TEST(Measure, PeakRssFollowsWhatWasTouched) {
  const int64_t before = PeakRssBytes();
  ASSERT_GT(before, 0);
  // More than was ever resident, by 64 MiB.
  const std::vector<char> block(static_cast<size_t>(before) + (size_t{64} << 20), 1);
  EXPECT_EQ(block.back(), 1);
  EXPECT_GE(PeakRssBytes(), before + (int64_t{64} << 20));
}

TEST(Progress, LogGetsALineAfterTwoSecondsAndThenNowAndAgain) {
  std::ostringstream err;
  double now = 100;
  Progress progress(err, {"scoring", "tokens", 1000, false, [&] { return now; }});
  now = 101;
  progress.Update(100);
  EXPECT_EQ(err.str(), "");
  now = 104;
  progress.Update(400);
  EXPECT_EQ(err.str(), "scoring  40% 400/1000 tokens, 100 tokens/s, 0:06 left\n");
  now = 110;
  progress.Update(500);
  EXPECT_EQ(err.str().find('\n'), err.str().size() - 1);
  now = 120;
  progress.Update(600);
  EXPECT_NE(err.str().find("60% 600/1000"), std::string::npos);
}

TEST(Progress, WorkThatGoesOnCountsWhatIsNew) {
  std::ostringstream err;
  double now = 0;
  Progress progress(err, {"training", "steps", 100, true, [&] { return now; }, 40});
  now = 5;
  progress.Update(50, "loss 3.5");
  EXPECT_EQ(err.str(), "\r\x1b[Ktraining [##########..........]  50% 50/100 steps, 2 steps/s, 0:25 left, loss 3.5");
}

TEST(Progress, TerminalLineIsRedrawnAndTakenAway) {
  std::ostringstream err;
  double now = 0;
  {
    Progress progress(err, {"scoring", "tokens", 7200, true, [&] { return now; }});
    now = 1;
    progress.Update(1);
    now = 1.05;
    progress.Update(2);
  }
  EXPECT_EQ(err.str(), "\r\x1b[Kscoring [....................]   0% 1/7200 tokens, 1 tokens/s, 1:59:59 left\r\x1b[K");
}

}  // namespace
}  // namespace dcp::tools
