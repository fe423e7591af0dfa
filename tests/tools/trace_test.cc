// The file of traces: what is written is what scripts read, and reads back as it was.
#include "common/trace.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dcp/error.h"

namespace dcp::tools {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// "a" goes at the word of "b", two tokens later; "b" is taken by a cap, at once.
DropTrace Delayed() {
  return {2, 2, {7, 8, 9, 10}, {"a", "b", "\n", ""}, {{{3, 2, -1, -1}, {-0.1f, kNone, kNone, kNone}}}};
}

std::string File(const std::vector<DropTrace>& traces) { return Dump(TraceFile(traces)); }

TEST(Trace, TheFileIsWhatScriptsRead) {
  const std::string entry = R"({"prompt_tokens":2,"ids":[7,8,9,10],"tokens":["a","b","\n",""],)"
                            R"("layers":[{"dropped_at":[3,2,-1,-1],"dropped_by_score":[-0.1,null,null,null]}]})";
  EXPECT_EQ(File({Delayed()}), R"({"eviction_delay":2,"sequences":[)" + entry + "]}\n");
  DropTrace prompt = Delayed();
  prompt.eviction_delay = 0;
  EXPECT_EQ(File({prompt, prompt}), R"({"sequences":[)" + entry + "," + entry + "]}\n");
}

TEST(Trace, ReadsBackAsItWas) {
  DropTrace first = Delayed();
  first.layers[0].dropped_at = {-1, -1, -1, -1};
  const DropTrace written = Delayed();
  const DropTrace read = ReadTrace(File({first, written}), 1, "file");
  EXPECT_EQ(read.eviction_delay, written.eviction_delay);
  EXPECT_EQ(read.prompt_tokens, written.prompt_tokens);
  EXPECT_EQ(read.ids, written.ids);
  EXPECT_EQ(read.tokens, written.tokens);
  ASSERT_EQ(read.layers.size(), 1u);
  EXPECT_EQ(read.layers[0].dropped_at, written.layers[0].dropped_at);
  EXPECT_EQ(read.layers[0].score[0], -0.1f);
  EXPECT_TRUE(std::isnan(read.layers[0].score[1]));
}

TEST(Trace, WhoDropsDecidedBeforeItTookEffect) {
  const DropLog log = Delayed().layers[0];
  EXPECT_EQ(DroppedBy(log, 0, 2), 1);
  EXPECT_EQ(DroppedBy(log, 1, 2), 2);
  EXPECT_EQ(DroppedBy(log, 2, 2), -1);
}

TEST(Trace, ErrorsNameTheFieldAndBothValues) {
  const auto message = [](std::string_view field, const Json& value) {
    Json file = TraceFile(std::vector{Delayed()});
    file["sequences"][0][Json::json_pointer(std::string(field))] = value;
    try {
      ReadTrace(Dump(file), 0, "file");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("read");
  };
  const std::string at = "file: sequences[0].";
  EXPECT_EQ(message("/ids/1", -1), at + "ids[1] is -1, expected at least 0");
  EXPECT_EQ(message("/tokens/0", 5), at + "tokens[0] is 5, expected a string");
  EXPECT_EQ(message("/prompt_tokens", 9), at + "prompt_tokens is 9, expected 0 to 4");
  EXPECT_EQ(message("/layers", "none"), at + "layers is \"none\", expected an array");
  EXPECT_EQ(message("/layers/0/dropped_by_score/0", true),
            at + "layers[0].dropped_by_score[0] is true, expected a number");
  EXPECT_EQ(message("/layers/0/dropped_at/0", 2),
            at + "layers[0].dropped_at[0] is 2, expected -1 or 3..3 (eviction_delay is 2)");
}

}  // namespace
}  // namespace dcp::tools
