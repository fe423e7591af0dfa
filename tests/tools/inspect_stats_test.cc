// Corpus statistics of dcp-inspect: kinds of tokens, intervals, and numbers that are known beforehand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "dcp-inspect/inspect_tool.h"
#include "dcp-inspect/stats/bootstrap.h"
#include "dcp-inspect/stats/collector.h"
#include "dcp-inspect/stats/measure.h"
#include "dcp-inspect/tokens/token_class.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

TEST(TokenClasses, EachTokenHasOne) {
  const Args tokens = {"The",
                       " old",
                       " Man",
                       "'s",
                       " read",
                       "ing",
                       ",",
                       "\n\n",
                       " 42",
                       " \xE2\x80\x94",
                       " not",
                       "ice",
                       "!",
                       " ",
                       "\xC3",
                       "",
                       " I",
                       "\t",
                       " \xC3\x89t\xC3\xA9"};
  const std::vector<std::string> expected = {
      "stop words", "other words", "capitalised words", "stop words",  "word pieces",      "word pieces", "punctuation",
      "whitespace", "numbers",     "punctuation",       "word pieces", "word pieces",      "punctuation", "whitespace",
      "other",      "other",       "stop words",        "whitespace",  "capitalised words"};
  const auto kinds = ClassifyTokens(tokens);
  ASSERT_EQ(kinds.size(), tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(ToString(kinds[i].token_class), expected[i]) << tokens[i];
  EXPECT_EQ(kinds[0].word, "the");
  EXPECT_EQ(kinds[4].word, "reading");
  EXPECT_EQ(kinds[5].word, "reading");
  EXPECT_EQ(kinds[6].word, "");
}

TEST(TokenClasses, DecilesSplitTheRunningText) {
  // Half of the text is "a", a fifth "b", and three words have a tenth each.
  const auto deciles = WordDeciles({{"a", 50}, {"b", 20}, {"e", 10}, {"d", 10}, {"c", 10}});
  EXPECT_EQ(deciles, (std::map<std::string, int>{{"a", 2}, {"b", 6}, {"c", 7}, {"d", 8}, {"e", 9}}));
}

TEST(WindowBootstrap, WeighsWindowsAndKnowsItsSpread) {
  WindowSums sums(3);
  double total = 0;
  double squares = 0;
  for (int w = 0; w < 400; ++w) {
    const double value = (w * 37) % 101;
    total += value;
    squares += value * value;
    sums.BeginWindow();
    sums.Add(0, value, 1);
    sums.Add(1, value + 5, 1);
    sums.Add(2, 2.0 * w, w);
  }
  const double mean = total / 400;
  const double error = std::sqrt((squares / 400 - mean * mean) / 400);
  const WindowBootstrap bootstrap(sums, 2000, 7);
  const Estimate estimate = bootstrap.Of(0);
  EXPECT_NEAR(estimate.value, mean, 1e-12);
  EXPECT_NEAR(estimate.high - estimate.low, 2 * 1.96 * error, 0.1 * 4 * error);
  const Estimate ratio = bootstrap.Of(2);  // the same in every window, whatever its weight
  EXPECT_DOUBLE_EQ(ratio.value, 2);
  EXPECT_DOUBLE_EQ(ratio.low, 2);
  EXPECT_DOUBLE_EQ(ratio.high, 2);
  const Estimate difference = bootstrap.Difference(1, 0);  // draws are shared, so a constant has no spread
  EXPECT_NEAR(difference.low, 5, 1e-9);
  EXPECT_NEAR(difference.high, 5, 1e-9);
  EXPECT_EQ(WindowBootstrap(sums, 50, 7).Of(0).low, WindowBootstrap(sums, 50, 7).Of(0).low);
  EXPECT_NE(WindowBootstrap(sums, 50, 7).Of(0).low, WindowBootstrap(sums, 50, 8).Of(0).low);
}

TEST(WindowBootstrap, NothingToAverage) {
  WindowSums sums(2);
  sums.BeginWindow();
  sums.Add(0, 1, 1);
  const WindowBootstrap bootstrap(sums, 10, 0);
  EXPECT_TRUE(std::isnan(bootstrap.Of(1).value));
  EXPECT_TRUE(std::isnan(bootstrap.Difference(0, 1).value));
}

TEST(CorpusStats, CountsByHand) {
  // Six tokens, followed for 3: only positions 0, 1 and 2 count. Lifetimes 1, 4 (so 3 of 3, held) and 2.
  StatsCollector collector(1, 6, 3);
  std::vector<StatsToken> tokens(6, {TokenClass::kWord, 0, "w"});
  tokens[1] = {TokenClass::kPunctuation, -1, ","};
  const std::vector<DropLog> drops = {{{1, 5, 4, -1, -1, -1}, std::vector<float>(6, 0)}};
  collector.Add(tokens, drops);
  const CorpusStats stats = collector.Finish(10, 0);
  EXPECT_EQ(stats.ages, (std::vector<size_t>{1, 2, 3}));
  ASSERT_EQ(stats.layers.size(), 2u);
  for (const LayerStats& layer : stats.layers) {  // one layer, and all of them together
    EXPECT_EQ(layer.all.tokens, 3);
    EXPECT_DOUBLE_EQ(layer.all.drop_rate.value, 2.0 / 3);
    EXPECT_DOUBLE_EQ(layer.all.lifetime.value, (1.0 + 3 + 2) / 3);
    EXPECT_DOUBLE_EQ(layer.survival[0].value, 2.0 / 3);
    EXPECT_DOUBLE_EQ(layer.survival[1].value, 1.0 / 3);
    EXPECT_DOUBLE_EQ(layer.survival[2].value, 1.0 / 3);
    const GroupStats& punctuation = layer.classes[static_cast<size_t>(TokenClass::kPunctuation)];
    EXPECT_EQ(punctuation.tokens, 1);
    EXPECT_DOUBLE_EQ(punctuation.drop_rate.value, 0);
    EXPECT_DOUBLE_EQ(layer.punctuation_minus_content.value, 3 - 1.5);
    EXPECT_TRUE(std::isnan(layer.stop_minus_content.value));
    const DropperStats& dropper = layer.droppers[static_cast<size_t>(TokenClass::kPunctuation)];
    EXPECT_DOUBLE_EQ(dropper.share.value, 1.0 / 3);
    EXPECT_DOUBLE_EQ(dropper.per_token.value, 1);
    ASSERT_EQ(layer.top.size(), 2u);
    EXPECT_EQ(layer.top[0].label, "w");
    EXPECT_EQ(layer.top[0].drops, 2u);
    EXPECT_EQ(layer.top[0].seen, 5u);
    EXPECT_EQ(layer.deciles[0].tokens, 2);
    ASSERT_EQ(layer.positions.size(), 2u);
    EXPECT_EQ(layer.positions[1].name, "1-2");
    EXPECT_DOUBLE_EQ(layer.positions[1].lifetime.value, 2.5);
  }
}

TEST(CorpusStats, DelayedDropsCountForThoseWhoDecided) {
  StatsCollector collector(1, 6, 3, 2);
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<StatsToken> tokens;
  for (const char* label : {"a", "b", "c", "d", "e", "f"}) tokens.push_back({TokenClass::kWord, 0, label});
  // By "b" and "d", two tokens before they go; and by a cap, at once, at the word of "e".
  const std::vector<DropLog> drops = {{{3, 5, 4, -1, -1, -1}, {-1, -1, none, none, none, none}}};
  collector.Add(tokens, drops);
  const CorpusStats stats = collector.Finish(10, 0);
  std::map<std::string, size_t> made;
  for (const TopDropper& dropper : stats.layers[0].top) {
    if (dropper.drops > 0) made[dropper.label] = dropper.drops;
  }
  EXPECT_EQ(made, (std::map<std::string, size_t>{{"b", 1}, {"d", 1}, {"e", 1}}));
  EXPECT_DOUBLE_EQ(stats.layers[0].all.lifetime.value, (3.0 + 3 + 2) / 3);
}

class InspectStats : public testing::Test {
 protected:
  InspectStats() {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "The cat, no. " + std::to_string(i) + ", sat on <b>a</b> mat.\n";
    reference::WriteText(dir_ / "texts/a.txt", text);
    reference::WriteText(dir_ / "texts/b.txt", text.substr(7, 700));
  }

  Args With(const Args& more) const {
    Args args = {"--model", model_, "--stats", "--text", dir_ / "texts", "--resamples", "50"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  struct Folder {
    explicit Folder(const std::string& path) { std::filesystem::create_directory(path); }
  };
  TempDir dir_;
  Folder texts_{dir_ / "texts"};
  std::string model_ = MakeByteModel(dir_);
};

// Under window:5 every token lives exactly 5 tokens, and every token from the sixth on drops one.
TEST_F(InspectStats, AWindowPolicyHasKnownNumbers) {
  const Json document =
      Inspect(With({"--policy", "window:5", "--context", "64", "--horizon", "20", "--json", "-"})).json();
  EXPECT_EQ(document["horizon"], 20);
  EXPECT_GE(document["windows"], 20);
  ASSERT_EQ(document["layers"].size(), 2u);
  const auto same = [](double value) { return Json::array({value, value, value}); };
  for (const Json& layer : {document["layers"][0], document["layers"][1], document["all_layers"]}) {
    EXPECT_EQ(layer["drop_rate"], same(1));
    EXPECT_EQ(layer["mean_lifetime"], same(5));
    EXPECT_EQ(layer["survival"], Json::array({same(1), same(1), same(1), same(0), same(0), same(0)}));
    EXPECT_EQ(layer["stop_words_minus_content"], same(0));
    double share = 0;
    for (const Json& dropper : layer["droppers"]) {
      if (!dropper["share"].is_null()) share += dropper["share"][0].get<double>();
    }
    EXPECT_NEAR(share, 1, 1e-12);
    for (const Json& group : layer["by_position"]) EXPECT_EQ(group["mean_lifetime"], same(5)) << group["name"];
  }
  EXPECT_EQ(document["ages"], (std::vector<int>{1, 2, 4, 8, 16, 20}));
}

TEST_F(InspectStats, BatchChangesNothingAndThePageHoldsTheDocument) {
  const Json one = Inspect(With({"--context", "40", "--windows", "11", "--batch", "1", "--json", "-"})).json();
  const Json many = Inspect(With({"--context", "40", "--windows", "11", "--batch", "4", "--html", dir_ / "page",
                                  "--svg", dir_ / "svg", "--json", "-"}))
                        .json();
  EXPECT_EQ(one, many);
  EXPECT_EQ(one["windows"], 11);
  const std::string page = reference::ReadText(dir_ / "page");
  const std::string open = R"(<script type="application/json" id="data">)";
  const size_t begin = page.find(open) + open.size();
  EXPECT_EQ(Json::parse(page.substr(begin, page.find("</script>", begin) - begin)), one);
  size_t charts = 0;
  for (size_t at = page.find("<svg "); at != std::string::npos; at = page.find("<svg ", at + 1)) ++charts;
  EXPECT_EQ(charts, 5u);
  const std::string svg = reference::ReadText(dir_ / "svg");
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST_F(InspectStats, Table) {
  const std::string table = Inspect(With({"--policy", "window:5", "--context", "64"})).out;
  EXPECT_NE(table.find("\nall layers "), std::string::npos);
  EXPECT_NE(table.find(" 100.0 [100.0, 100.0]  5.0 [  5.0,   5.0]"), std::string::npos) << table;
}

TEST_F(InspectStats, BadInput) {
  const auto refuse = [&](const Args& args, const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(args));
    ExpectRefused(RunTool(InspectMain, args), "dcp-inspect", words);
  };
  refuse({"--model", model_, "--stats", "--prompt", "a"}, {"--stats", "--text"});
  refuse({"--model", model_, "--text", "a", "--text", "b"}, {"--text", "2 times", "--stats"});
  refuse(With({"--windows", "-1"}), {"--windows", "-1"});
  refuse(With({"--batch", "0"}), {"--batch", "0", "1"});
  refuse({"--model", model_, "--stats", "--text", dir_ / "texts", "--resamples", "0"}, {"--resamples", "0"});
  refuse(With({"--context", "97"}), {"--context", "97", "96"});
  refuse(With({"--context", "40", "--horizon", "40"}), {"--horizon", "40", "39"});
  refuse(With({"--skip", "4"}), {"--stats", "--skip"});
  refuse(With({"--max-tokens", "30"}), {"--text", "96 tokens", "30"});
}

TEST_F(InspectStats, InterruptedLeavesNothing) {
  const ToolRun run = RunTool(InspectMain, With({"--html", dir_ / "page"}), {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(dir_.Files(), (Args{"model", "texts"}));
}

TEST_F(InspectStats, PictureOfAShortText) {
  Inspect({"--model", model_, "--prompt", "a <b> & c", "--policy", "window:2", "--svg", dir_ / "svg"});
  const std::string svg = reference::ReadText(dir_ / "svg");
  EXPECT_NE(svg.find(">2 of 9 held</text>"), std::string::npos);
  EXPECT_NE(svg.find(">&lt;</text>"), std::string::npos);
  EXPECT_NE(svg.find("policy window:2"), std::string::npos);
  // "<b>" alone, as it is held at the end of the whole text.
  Inspect({"--model", model_, "--prompt", "a <b> & c", "--policy", "window:7", "--svg", dir_ / "svg", "--show", "2-4"});
  const std::string part = reference::ReadText(dir_ / "svg");
  EXPECT_NE(part.find(">3 of 3 held</text>"), std::string::npos);
  EXPECT_NE(part.find("of a passage, 4 tokens later"), std::string::npos);
  EXPECT_EQ(part.find(">a</text>"), std::string::npos);
  for (const char* show : {"3", "4-2", "2-9", "x-3"}) {
    ExpectRefused(
        RunTool(InspectMain, {"--model", model_, "--prompt", "a <b> & c", "--svg", dir_ / "svg", "--show", show}),
        "dcp-inspect", {"--show"});
  }
  ExpectRefused(RunTool(InspectMain, {"--model", model_, "--prompt", "a", "--show", "0-0"}), "dcp-inspect", {"--svg"});
  const std::string wide_model = MakeByteModel(dir_, "wide", ByteModelConfig(300));
  ExpectRefused(RunTool(InspectMain, {"--model", wide_model, "--prompt", std::string(201, 'a'), "--svg", dir_ / "svg"}),
                "dcp-inspect", {"--svg", "201", "200"});
}

}  // namespace
}  // namespace dcp::tools
