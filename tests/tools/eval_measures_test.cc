// What dcp-eval perplexity divides by, how it begins texts, and which budgets it takes.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/text_size.h"
#include "dcp-eval/eval_tool.h"
#include "dcp-eval/scoring/wikitext.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/oracle.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

// What lm-evaluation-harness 0.4.13 makes of the same texts (lm_eval/tasks/wikitext/preprocess_wikitext.py). All of
// WikiText-2's test and validation texts were compared in the same way.
TEST(DetokenizeWikitext, AsTheHarnessDoes) {
  const std::vector<std::pair<std::string, std::string>> texts = {
      {" = Robert <unk> = \n \n Robert <unk> is an English film , television and theatre actor . He had a role in 2000 "
       ".\n",
       " = Robert <unk> =\n\nRobert <unk> is an English film, television and theatre actor. He had a role in 2000 .\n"},
      {" = = = Early @-@ life = = = \n In the 1 @,@ 500 m he ran 3 @.@ 5 seconds ; it was \" very close \" : ( see [ 1 "
       "] ) ! \n",
       " === Early-life ===\nIn the 1,500 m he ran 3.5 seconds; it was \"very close\": (see [1])!\n"},
      {" the players ' tickets cost 10 \u00b0 N 's , ' so ' they say { x } ? \n and ( a ( b ) c ) \n",
       " the players'tickets cost 10\u00b0N's,'so' they say {x}?\nand (a ( b) c )\n"},
      {"no marks at all", "no marks at all"},
      {"", ""},
      {" ( ", " ( "},
      {"a \" b", "a \" b"},
      {"/' 3/ and /' x/", "/'[0-9]/ and /' x/"},
      {"(\u00a0x\u2003) \u00e9 ' \u00e9", "(x) \u00e9 ' \u00e9"},
      {" = = title = = ", " == title == "}};
  for (const auto& [text, expected] : texts) EXPECT_EQ(DetokenizeWikitext(text), expected);
}

// len(text.encode()), len(text) and len(re.split(r"\s+", text)) of Python.
TEST(TextSize, CountsAsPythonDoes) {
  const auto expect = [](std::string_view text, size_t bytes, size_t characters, size_t words) {
    const TextSize size = SizeOf(text);
    EXPECT_EQ(size.bytes, bytes) << text;
    EXPECT_EQ(size.characters, characters) << text;
    EXPECT_EQ(size.words, words) << text;
  };
  expect("", 0, 0, 1);
  expect("one", 3, 3, 1);
  expect("Hello the cat on the world", 26, 26, 6);
  expect(" two  words\n", 12, 12, 4);
  expect("na\u00efve\u2003caf\u00e9", 14, 10, 2);
  expect("\u00a0", 2, 1, 2);
  expect("a\xff\xff b", 5, 5, 2);
}

// tests/oracle/harness_perplexity.py: lm-evaluation-harness over transformers, on a trained model.
TEST(EvalHarness, GivesTheSameFigures) {
  const std::string data = std::string(DCP_SOURCE_DIR) + "/tests/data/";
  TempDir dir;
  for (const Json& expected : Json::parse(reference::ReadText(data + "perplexity.json"))) {
    reference::WriteText(dir / "text", expected["text"].get<std::string>());
    const std::string context = expected["context"].dump(), rules = expected["detokenize"];
    SCOPED_TRACE(rules + ", " + context);
    const Json json = Eval({"perplexity", "--model", data + "books-tiny", "--policy", "dense", "--text", dir / "text",
                            "--bos", "--rolling", "--context", context, "--detokenize", rules, "--json"})
                          .json();
    EXPECT_EQ(json["tokens"], expected["tokens"]);
    for (const char* name : {"word_perplexity", "bits_per_byte"}) {
      const double value = expected[name];
      EXPECT_NEAR(json[name], value, 1e-5 * value) << name;
    }
  }
}

class EvalMeasures : public testing::Test {
 protected:
  std::string File(const std::string& name, const std::string& content) {
    reference::WriteText(dir_ / name, content);
    return dir_ / name;
  }

  // JSON of perplexity on the byte model, of 96 positions; the NLL of each token is in `nll_`.
  Json Measure(const Args& more) {
    Args args = {"perplexity", "--model", model_, "--json", "--per-token", dir_ / "nll"};
    args.insert(args.end(), more.begin(), more.end());
    const Json json = Eval(args).json();
    nll_ = Json::parse(reference::ReadText(dir_ / "nll")).get<std::vector<double>>();
    return json;
  }

  std::vector<double> Exact(const std::vector<TokenId>& ids, const std::string& policy) const {
    return reference::Oracle(Checkpoint::Open(model_)).Run(ids, ParsePolicy(policy)).nll;
  }

  double Sum() const { return std::accumulate(nll_.begin(), nll_.end(), 0.0); }

  void ExpectNll(const std::vector<double>& expected) const {
    ASSERT_EQ(nll_.size(), expected.size());
    for (size_t i = 0; i < nll_.size(); ++i) EXPECT_NEAR(nll_[i], expected[i], 1e-4) << i;
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
  std::vector<double> nll_;
};

std::vector<TokenId> BytesOf(const std::string& text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

TEST_F(EvalMeasures, PerByteCharacterAndWord) {
  const std::string one = File("1.txt", "na\u00efve caf\u00e9 and more\n"), two = File("2.txt", "a second text");
  const Json json = Measure({"--text", one, "--text", two, "--text", File("short.txt", "x")});
  EXPECT_EQ(json["bytes"], 22 + 13);
  EXPECT_EQ(json["characters"], 20 + 13);
  EXPECT_EQ(json["words"], 5 + 3);
  EXPECT_EQ(nll_.size(), 21u + 12u) << "a byte is a token here";
  EXPECT_NEAR(json["bits_per_byte"], Sum() / std::log(2.0) / 35, 1e-12);
  EXPECT_NEAR(json["bits_per_character"], Sum() / std::log(2.0) / 33, 1e-12);
  EXPECT_NEAR(json["word_perplexity"], std::exp(Sum() / 8), 1e-9 * std::exp(Sum() / 8));
  const std::string table = Eval({"perplexity", "--model", model_, "--text", two}).out;
  for (const char* name : {"bits per byte", "word perplexity"}) EXPECT_NE(table.find(name), std::string::npos) << table;
}

TEST_F(EvalMeasures, WhatCannotBeToldIsNull) {
  const std::string text = File("a.txt", "one two three four");
  const auto expect_null = [](const Json& json) {
    for (const char* name : {"bits_per_byte", "bits_per_character", "word_perplexity", "bytes"}) {
      EXPECT_TRUE(json[name].is_null()) << name;
    }
  };
  expect_null(Measure({"--ids", File("ids", "[1,2,3]")}));
  expect_null(Measure({"--text", text, "--max-tokens", "9", "--detokenize", "wikitext"}));
  const Json cut = Measure({"--text", text, "--max-tokens", "9"});
  EXPECT_EQ(cut["bytes"], 9);
  EXPECT_EQ(cut["words"], 3) << "\"one two t\"";
}

TEST_F(EvalMeasures, BosScoresTheFirstTokenToo) {
  const std::string first = "the first text", second = "another one";
  const Json json = Measure({"--text", File("1.txt", first), "--text", File("2.txt", second), "--bos"});
  EXPECT_EQ(json["tokens"], first.size() + second.size());
  EXPECT_EQ(json["bytes"], first.size() + second.size());
  std::vector<double> expected;
  for (const std::string& text : {first, second}) {
    std::vector<TokenId> ids = BytesOf(text);
    ids.insert(ids.begin(), 256);  // eos, since the config has no bos
    const auto nll = Exact(ids, "learned");
    expected.insert(expected.end(), nll.begin(), nll.end());
  }
  ExpectNll(expected);
  EXPECT_EQ(Measure({"--ids", File("ids", "[[7], [8, 9]]"), "--bos"})["tokens"], 3);
  EXPECT_EQ(Measure({"--text", File("3.txt", "x"), "--bos"})["tokens"], 1);

  Json config = Json::parse(reference::ReadText(model_ + "/config.json"));
  config["bos_token_id"] = 'a';
  File("model/config.json", config.dump());
  Measure({"--text", File("4.txt", "xy"), "--bos"});
  ExpectNll(Exact({'a', 'x', 'y'}, "learned"));
  config["bos_token_id"] = 300;  // the model has no such token: a warning, and the next best one
  File("model/config.json", config.dump());
  Measure({"--text", File("4.txt", "xy"), "--bos"});
  ExpectNll(Exact({256, 'x', 'y'}, "learned"));
  config.erase("bos_token_id");
  config.erase("eos_token_id");
  File("model/config.json", config.dump());
  Measure({"--text", File("4.txt", "xy"), "--bos"});
  ExpectNll(Exact({256, 'x', 'y'}, "learned"));
  const Args refused = {"perplexity", "--model", model_, "--ids", File("ids", "[1, 2]"), "--bos"};
  ExpectRefused(RunTool(EvalMain, refused), "dcp-eval", {model_, "config.json", "--bos"});
}

TEST_F(EvalMeasures, DetokenizedTextIsScoredAndTheOriginalCounted) {
  const std::string text = " = Head = \n It cost 1 @,@ 000 , they say . \n";
  const Json json = Measure({"--text", File("w.txt", text), "--detokenize", "wikitext"});
  EXPECT_EQ(json["bytes"], text.size());
  EXPECT_EQ(json["words"], SizeOf(text).words);
  const std::vector<double> scored = nll_;
  Measure({"--text", File("d.txt", DetokenizeWikitext(text))});
  EXPECT_EQ(scored, nll_);
  EXPECT_NEAR(json["bits_per_byte"], Sum() / std::log(2.0) / static_cast<double>(text.size()), 1e-12);
}

TEST_F(EvalMeasures, FilesThatAreNoTextAreRefused) {
  using namespace std::string_literals;
  const auto refuse = [&](const std::string& content, const std::vector<std::string>& words) {
    const std::string file = File("file.txt", content);
    ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model_, "--text", file}), "dcp-eval", words);
  };
  refuse("\xff\xfeH\0e\0"s, {"file.txt", "UTF-16", "expected UTF-8"});
  refuse("\xfe\xff\0H\0e"s, {"file.txt", "UTF-16", "expected UTF-8"});
  refuse("PK\x03\x04\x14\0\0\0"s, {"file.txt", "byte 5 is 0", "expected UTF-8"});
  // A mark of UTF-8 is no part of the text, Latin-1 is read as it is.
  EXPECT_EQ(Measure({"--text", File("mark.txt", "\xef\xbb\xbfhello")})["tokens"], 4);
  EXPECT_EQ(Measure({"--text", File("latin.txt", "caf\xe9!")})["tokens"], 4);
}

TEST_F(EvalMeasures, BudgetsAsSharesOfTheContext) {
  const std::string text = File("a.txt", Letters(200, 3));
  const auto nll = [&](const Args& more) {
    Args args = {"--text", text};
    args.insert(args.end(), more.begin(), more.end());
    const Json json = Measure(args);
    return std::pair(json["policy"].get<std::string>(), nll_);
  };
  EXPECT_EQ(nll({"--policy", "window:20%"}), nll({"--policy", "window:19"})) << "of 96 positions";
  EXPECT_EQ(nll({"--policy", "window:20%", "--context", "40"}), nll({"--policy", "window:8", "--context", "40"}));
  EXPECT_EQ(nll({"--policy", "h2o:50%", "--context", "20"}).first, "h2o:10");
  EXPECT_EQ(nll({"--policy", "window:10%@0+sinks:1,25%", "--context", "40"}),
            nll({"--policy", "window:4@0+sinks:1,10", "--context", "40"}));
  ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model_, "--text", text, "--policy", "window:4@2"}),
                "dcp-eval", {"window:4@2", "layer 2"});
  ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model_, "--text", text, "--policy", "h2o:120%"}),
                "dcp-eval", {"--policy", "120%"});
}

// Hugging Face's page on the perplexity of models of fixed length, written down again: a window every `stride` tokens,
// of which those count that no earlier one had; the first token of a window predicts and is not predicted.
TEST_F(EvalMeasures, WindowsAreThoseOfTheFixedLengthRecipe) {
  const std::string letters = Letters(45, 9);
  const std::vector<TokenId> ids = BytesOf(letters);
  const std::string text = File("a.txt", letters);
  for (const auto& [context, stride] : std::vector<std::pair<size_t, size_t>>{{16, 8}, {16, 16}, {64, 32}, {10, 3}}) {
    std::vector<double> expected;
    size_t previous = 0;
    for (size_t begin = 0; begin < ids.size(); begin += stride) {
      const size_t end = std::min(begin + context, ids.size());
      const auto nll = Exact({ids.begin() + static_cast<long>(begin), ids.begin() + static_cast<long>(end)}, "dense");
      for (size_t token = std::max(previous, begin + 1); token < end; ++token)
        expected.push_back(nll[token - begin - 1]);
      previous = end;
      if (end == ids.size()) break;
    }
    SCOPED_TRACE(std::to_string(context) + ", " + std::to_string(stride));
    Measure({"--text", text, "--policy", "dense", "--context", std::to_string(context), "--stride",
             std::to_string(stride)});
    ExpectNll(expected);
  }
}

// lm-evaluation-harness's rolling windows: each predicts up to `context` tokens, fed are the `context` tokens before
// the last of these.
TEST_F(EvalMeasures, RollingWindowsAreTheHarnesss) {
  const std::string letters = Letters(45, 5);
  const std::string text = File("a.txt", letters);
  std::vector<TokenId> ids = BytesOf(letters);
  ids.insert(ids.begin(), 256);
  for (const size_t context : {2, 16, 44, 45, 46, 96}) {
    std::vector<double> expected;
    for (size_t end = 0; end + 1 < ids.size();) {
      const size_t begin = end;
      end = std::min(begin + context, ids.size() - 1);
      const auto first = ids.begin() + static_cast<long>(end - std::min(context, end));
      const auto nll = Exact({first, ids.begin() + static_cast<long>(end) + 1}, "window:9");
      expected.insert(expected.end(), nll.end() - static_cast<long>(end - begin), nll.end());
    }
    SCOPED_TRACE(context);
    const Json json = Measure({"--text", text, "--policy", "window:9", "--bos", "--rolling", "--context",
                               std::to_string(context), "--prefill-chunk", "7"});
    ExpectNll(expected);
    EXPECT_EQ(json["stride"], context);
    EXPECT_EQ(json["tokens"], 45);
  }
  ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model_, "--text", text, "--rolling", "--stride", "4"}),
                "dcp-eval", {"--stride", "--rolling"});
  const Json sweep = Eval({"sweep", "--model", model_, "--text", text, "--rolling", "--context", "20", "--bos",
                           "--baselines", "window", "--json"})
                         .json();
  EXPECT_EQ(sweep["tokens"], 45);
  EXPECT_EQ(sweep["rows"][1]["policy"], "learned");
  EXPECT_NEAR(sweep["rows"][2]["kept_tokens"], sweep["rows"][1]["kept_tokens"], 0.51);
}

}  // namespace
}  // namespace dcp::tools
