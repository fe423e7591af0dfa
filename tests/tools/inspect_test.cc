// dcp-inspect as a whole: its numbers are those of dcp-generate --trace and of the golden files, on its page too; the
// page stays small and shows text as text.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dcp-inspect/inspect_tool.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/golden.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

Json ReadJson(const std::string& path) { return Json::parse(reference::ReadText(path)); }

// What the page's own script reads.
Json DataOf(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="data">)";
  const size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

// The numbers of one layer, straight from their definitions.
void ExpectSummary(const Json& layer) {
  const auto dropped_at = layer["dropped_at"].get<std::vector<int>>();
  const int tokens = static_cast<int>(dropped_at.size());
  int kept = 0;
  double lifetimes = 0;
  for (int j = 0; j < tokens; ++j) {
    kept += dropped_at[j] == -1;
    lifetimes += dropped_at[j] == -1 ? tokens - j : dropped_at[j] - j;
  }
  EXPECT_EQ(layer["kept"], kept);
  EXPECT_NEAR(layer["sparsity"].get<double>(), double(tokens - kept) / (tokens - 1), 1e-12);
  EXPECT_NEAR(layer["mean_lifetime"].get<double>(), lifetimes / tokens, 1e-9);
}

void ExpectSameTrace(const Json& document, const Json& trace) {
  for (const char* key : {"prompt_tokens", "ids", "tokens"}) EXPECT_EQ(document[key], trace[key]) << key;
  ASSERT_EQ(document["layers"].size(), trace["layers"].size());
  double sparsity = 0;
  for (size_t l = 0; l < trace["layers"].size(); ++l) {
    EXPECT_EQ(document["layers"][l]["dropped_at"], trace["layers"][l]["dropped_at"]);
    EXPECT_EQ(document["layers"][l]["dropped_by_score"], trace["layers"][l]["dropped_by_score"]);
    ExpectSummary(document["layers"][l]);
    sparsity += document["layers"][l]["sparsity"].get<double>() / static_cast<double>(trace["layers"].size());
  }
  EXPECT_NEAR(document["sparsity"].get<double>(), sparsity, 1e-12);
}

class InspectTool : public testing::Test {
 protected:
  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(InspectTool, PageAndJsonEqualTheTraceOfGenerate) {
  const Args text = {"--prompt", "What is kept, and what is not? \xF0\x9F\x98\x80 na\xC3\xAFve"};
  Args generate = {"--model", model_, "--max-new-tokens", "20", "--json", "--trace", dir_ / "trace"};
  generate.insert(generate.end(), text.begin(), text.end());
  const Json made = Generate(generate).json();
  const Json trace = ReadJson(dir_ / "trace")["sequences"][0];
  size_t drops = 0;
  for (const Json& layer : trace["layers"]) {
    for (const Json& by : layer["dropped_at"]) drops += by != -1;
  }
  ASSERT_GT(drops, 10u);

  Args inspect = {"--model", model_, "--generate", "20", "--html", dir_ / "page", "--json", dir_ / "json"};
  inspect.insert(inspect.end(), text.begin(), text.end());
  EXPECT_EQ(Inspect(inspect).out, "");
  const Json document = ReadJson(dir_ / "json");
  ExpectSameTrace(document, trace);
  EXPECT_NEAR(document["sparsity"].get<double>(), made["stats"]["sparsity"].get<double>(), 1e-9);
  EXPECT_EQ(document["policy"], "learned");
  EXPECT_EQ(document["model"], "model") << "the name, not the path";
  EXPECT_EQ(DataOf(reference::ReadText(dir_ / "page")), document);

  // The trace file tells the same, with a model's tokenizer and without any model.
  Inspect({"--trace", dir_ / "trace", "--html", dir_ / "page2"});
  ExpectSameTrace(DataOf(reference::ReadText(dir_ / "page2")), trace);
  const Json shown = Inspect({"--trace", dir_ / "trace", "--model", model_, "--json", "-"}).json();
  ExpectSameTrace(shown, trace);
  EXPECT_EQ(shown["shown"], document["shown"]);
  EXPECT_EQ(dir_.Files(), (Args{"json", "model", "page", "page2", "trace"}));
}

TEST_F(InspectTool, ReadingOnlyDropsWhatGeneratingDoes) {
  Generate({"--model", model_, "--prompt", "to be read", "--max-new-tokens", "1", "--trace", dir_ / "trace"});
  const Json document = Inspect({"--model", model_, "--prompt", "to be read", "--json", "-"}).json();
  ExpectSameTrace(document, ReadJson(dir_ / "trace")["sequences"][0]);
}

TEST_F(InspectTool, ChoosesSequenceAndPart) {
  Generate({"--model", model_, "--prompt", "first", "--prompt", "the second", "--max-new-tokens", "3", "--trace",
            dir_ / "trace"});
  const Json traces = ReadJson(dir_ / "trace")["sequences"];
  ExpectSameTrace(Inspect({"--trace", dir_ / "trace", "--sequence", "1", "--json", "-"}).json(), traces[1]);

  reference::WriteText(dir_ / "text", "0123456789");
  const Args part = {"--model", model_, "--text", dir_ / "text", "--skip", "3", "--max-tokens", "4", "--json", "-"};
  EXPECT_EQ(Inspect(part).json()["tokens"], (Args{"3", "4", "5", "6"}));
}

// The prompts of the golden files, by ids: their model code's decisions, token for token.
TEST(InspectGolden, DropsOfThePrompt) {
  const auto folders = reference::GoldenFolders(DCP_SOURCE_DIR);
  ASSERT_GE(folders.size(), 2u);
  for (const auto& folder : folders) {
    for (const auto& golden : reference::ReadGolden(folder)) {
      TempDir dir;
      Inspect({"--model", folder.string(), "--prompt-ids", Join(golden.ids), "--html", dir / "page"});
      const Json document = DataOf(reference::ReadText(dir / "page"));
      EXPECT_EQ(document["ids"].get<std::vector<TokenId>>(), golden.ids);
      EXPECT_EQ(document["tokens"], Json::array());
      ASSERT_EQ(document["layers"].size(), golden.dropped_at.size());
      for (size_t l = 0; l < golden.dropped_at.size(); ++l) {
        EXPECT_EQ(document["layers"][l]["dropped_at"].get<std::vector<int32_t>>(), golden.dropped_at[l]);
      }
    }
  }
}

TEST(InspectPage, StaysSmall) {
  TempDir dir;
  const auto config = reference::SmallConfig(/*layers=*/12, /*heads=*/2, /*head_dim=*/4, /*int_n_embd=*/4,
                                             /*vocabulary=*/257, /*positions=*/1024);
  const std::string model = MakeByteModel(dir, "model", config);
  std::string text;
  for (int i = 0; i < 1024; ++i) text += static_cast<char>(i % 7 == 0 ? '<' : 0x80 + i % 128);  // what takes most room
  reference::WriteText(dir / "text", text);
  Inspect({"--model", model, "--text", dir / "text", "--html", dir / "page"});
  const std::string page = reference::ReadText(dir / "page");
  EXPECT_EQ(DataOf(page)["ids"].size(), 1024u);
  EXPECT_LT(page.size(), 2000000u);
}

TEST_F(InspectTool, TextIsNeverMarkup) {
  const std::string text = "</script><script>alert(1)</script><!-- <b>&amp; \xE2\x80\xA8 \xD7\xA9\xD7\x9C \xE2\x80\xAE";
  reference::WriteText(dir_ / "text", text);
  Inspect({"--model", model_, "--text", dir_ / "text", "--html", dir_ / "page", "--json", dir_ / "json"});
  const std::string page = reference::ReadText(dir_ / "page");
  EXPECT_EQ(DataOf(page), ReadJson(dir_ / "json"));
  const size_t data = page.find("id=\"data\">") + 10;
  const std::string json = page.substr(data, page.find("</script>", data) - data);
  EXPECT_EQ(json.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(json.find("\xE2\x80\xA8"), std::string::npos);
  for (const char* outside : {"http://", "https://", "src=", "href=", "url("}) {
    const size_t at = page.find(outside);
    const bool is_svg_name = at != std::string::npos && page.substr(at).starts_with("http://www.w3.org/2000/svg");
    EXPECT_TRUE(at == std::string::npos || is_svg_name) << "fetches " << page.substr(at, 60);
  }
}

TEST_F(InspectTool, TerminalView) {
  const Args args = {"--model", model_, "--prompt", "What is kept here?", "--policy", "window:5"};
  const std::string plain = Inspect(args).out;
  EXPECT_NE(plain.find("\n{What is kept} here?\n"), std::string::npos) << plain;
  EXPECT_NE(plain.find("layer  0  #########...............................   76.5 % dropped"), std::string::npos)
      << plain;
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);

  Args always = args;
  always.insert(always.end(), {"--color", "always"});
  EXPECT_NE(Inspect(always).out.find("\x1b[2;90mWhat is kept\x1b[0m \x1b[1mhere?\x1b[0m\n"), std::string::npos);

  unsetenv("NO_COLOR");
  const World terminal = {.out_is_terminal = true};
  EXPECT_NE(Inspect(args, terminal).out.find('\x1b'), std::string::npos);
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(Inspect(args, terminal).out, plain);
  unsetenv("NO_COLOR");
  Args never = args;
  never.insert(never.end(), {"--color", "never"});
  EXPECT_EQ(Inspect(never, terminal).out, plain);
}

TEST_F(InspectTool, HalfDroppedIsTold) {
  // Layer 0 drops "a" and "b", layer 1 only "a".
  reference::WriteText(dir_ / "trace", R"({"sequences": [{"ids": [1, 2, 3], "tokens": ["a", " b", " c"], "layers": [
      {"dropped_at": [1, 2, -1], "dropped_by_score": [-1, -2, null]},
      {"dropped_at": [2, -1, -1], "dropped_by_score": [-3, null, null]}]}]})");
  EXPECT_NE(Inspect({"--trace", dir_ / "trace"}).out.find("\n{a} [b] c\n"), std::string::npos);
}

// "a" goes at the word of "b" and "b" at that of "c", two tokens later; "c" is taken by a cap, which has no score and
// does not wait.
constexpr const char* kDelayedTrace = R"({"eviction_delay": 2, "sequences": [{
    "ids": [1, 2, 3, 4, 5], "tokens": ["a", " b", " c", " d", " e"], "layers": [
    {"dropped_at": [3, 4, 3, -1, -1], "dropped_by_score": [-1, -2, null, null, null]}]}]})";

TEST_F(InspectTool, ByWhomUnderAnEvictionDelay) {
  reference::WriteText(dir_ / "trace", kDelayedTrace);
  const ToolRun run = Inspect({"--trace", dir_ / "trace", "--svg", dir_ / "svg", "--json", "-"});
  EXPECT_EQ(run.json()["eviction_delay"], 2);
  EXPECT_NEAR(run.json()["layers"][0]["mean_lifetime"].get<double>(), (3 + 3 + 1 + 2 + 1) / 5.0, 1e-9);
  const std::string svg = reference::ReadText(dir_ / "svg");
  EXPECT_NE(svg.find("reading \u201cb\u201d, it drops 1 token<"), std::string::npos) << svg;
  const std::string view = Inspect({"--trace", dir_ / "trace"}).out;
  EXPECT_NE(view.find("drops take effect 2 tokens later"), std::string::npos) << view;
}

TEST_F(InspectTool, ADelayedModelIsShownAsItsTrace) {
  ModelConfig config = ByteModelConfig();
  config.eviction_delay = 6;
  const Args text = {"--model", MakeByteModel(dir_, "delayed", config), "--prompt", "What is kept, and what is not?"};
  Args generate = text, inspect = text;
  generate.insert(generate.end(), {"--max-new-tokens", "20", "--trace", dir_ / "trace"});
  inspect.insert(inspect.end(), {"--generate", "20", "--json", "-"});
  Generate(generate);
  const Json document = Inspect(inspect).json();
  const Json trace = ReadJson(dir_ / "trace");
  EXPECT_EQ(document["eviction_delay"], 6);
  EXPECT_EQ(trace["eviction_delay"], 6);
  ExpectSameTrace(document, trace["sequences"][0]);
  const Json shown = Inspect({"--trace", dir_ / "trace", "--json", "-"}).json();
  EXPECT_EQ(shown["eviction_delay"], 6);
  EXPECT_EQ(shown["layers"], document["layers"]);
}

class InspectBadInput : public InspectTool {
 protected:
  void Expect(const Args& args, const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(args));
    ExpectRefused(RunTool(InspectMain, args), "dcp-inspect", words);
  }

  // A trace of one sequence with these members.
  void ExpectTrace(const std::string& members, const std::vector<std::string>& words) {
    reference::WriteText(dir_ / "trace", "{\"sequences\": [{" + members + "}]}");
    Expect({"--trace", dir_ / "trace"}, words);
  }
};

TEST_F(InspectBadInput, Usage) {
  Expect({"--model", model_}, {"no text", "--prompt"});
  Expect({"--prompt", "a"}, {"--model"});
  Expect({"--model", model_, "--prompt", "a", "--prompt-ids", "1"}, {"more than one"});
  Expect({"--model", model_, "--prompt", ""}, {"--prompt", "empty"});
  Expect({"--model", model_, "--prompt", "abc", "--skip", "3"}, {"--prompt", "3 tokens", "--skip"});
  Expect({"--model", model_, "--prompt-ids", "1,x"}, {"--prompt-ids", "x"});
  Expect({"--model", model_, "--prompt-ids", "999"}, {"--prompt-ids", "999", "256"});
  Expect({"--model", model_, "--prompt", "a", "--generate", "-1"}, {"--generate", "-1"});
  Expect({"--model", model_, "--prompt", "a", "--color", "red"}, {"--color", "red", "auto"});
  Expect({"--model", model_, "--prompt", "a", "--policy", "lru"}, {"lru"});
  Expect({"--model", model_, "--prompt", "a", "--html", dir_ / "no/page"}, {"no/page"});
  Expect({"--model", model_, "--prompt", std::string(200, 'a')}, {"--prompt", "200 tokens", "96"});
  Expect({"--model", dir_ / "none", "--prompt", "a"}, {"none"});
  Expect({"--trace", dir_ / "none"}, {"none"});
  Expect({"--trace", dir_ / "none", "--generate", "3"}, {"--trace", "--generate"});
  EXPECT_EQ(dir_.Files(), Args{"model"});
}

TEST_F(InspectBadInput, TraceFiles) {
  const std::string layers = R"("layers": [{"dropped_at": [-1, -1], "dropped_by_score": [null, null]}])";
  ExpectTrace(R"("ids": [1, 2], "tokens": [])", {"sequences[0]", "layers"});
  ExpectTrace(R"("tokens": [], )" + layers, {"ids"});
  ExpectTrace(R"("ids": [1, "2"], "tokens": [], )" + layers, {"ids[1]", "\"2\""});
  ExpectTrace(R"("ids": [1, -1], "tokens": [], )" + layers, {"ids", "-1"});
  ExpectTrace(R"("ids": [1], "tokens": [], )" + layers, {"layers[0]", "2 entries", "1 ids"});
  ExpectTrace(R"("ids": [1, 2], "tokens": ["a"], )" + layers, {"1 tokens", "2 ids"});
  ExpectTrace(R"("ids": [], "tokens": [], "layers": [])", {"no tokens"});
  ExpectTrace(R"("ids": [1, 2], "tokens": [], "layers": [])", {"no layers"});
  ExpectTrace(R"("ids": [1, 2], "prompt_tokens": 3, "tokens": [], )" + layers, {"prompt_tokens", "3", "2"});
  ExpectTrace(R"("ids": [1, 2], "tokens": [], "layers": [{"dropped_at": [0, -1], "dropped_by_score": [1, null]}])",
              {"dropped_at[0]", "0", "1..1"});
  ExpectTrace(R"("ids": [1, 2], "tokens": [], "layers": [{"dropped_at": [2, -1], "dropped_by_score": [1, null]}])",
              {"dropped_at[0]", "2"});
  const std::string delayed = kDelayedTrace;
  for (const char* bad : {"-1", "1.5", "\"2\"", "4294967296"}) {
    const std::string text = std::string(bad) + delayed.substr(delayed.find("2,") + 1);
    reference::WriteText(dir_ / "trace", "{\"eviction_delay\": " + text);
    Expect({"--trace", dir_ / "trace"}, {"trace", "eviction_delay is " + std::string(bad)});
  }
  reference::WriteText(dir_ / "trace", "{\"eviction_delay\": 3" + delayed.substr(delayed.find("2,") + 1));
  Expect({"--trace", dir_ / "trace"}, {"dropped_at[0]", "3", "4..4", "eviction_delay is 3"});
  reference::WriteText(dir_ / "trace", "{");
  Expect({"--trace", dir_ / "trace"}, {"trace", "not valid JSON"});
  reference::WriteText(dir_ / "trace", "{\"sequences\": []}");
  Expect({"--trace", dir_ / "trace"}, {"0 sequences"});
}

}  // namespace
}  // namespace dcp::tools
