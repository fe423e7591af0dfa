// dcp-eval sweep: rows against dcp-eval perplexity, equal kept tokens, output files, what was interrupted goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "dcp-eval/eval_tool.h"
#include "dcp-eval/sweep/kept_budget.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/oracle.h"
#include "tests/tools/svg_check.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

class SweepTool : public testing::Test {
 protected:
  SweepTool() {
    std::filesystem::create_directory(dir_ / "books");
    reference::WriteText(dir_ / "books/a.txt", Letters(400, 1));
    reference::WriteText(dir_ / "books/b.txt", Letters(150, 2));
  }

  // A context of 64 and a stride of 32, unless `more` says otherwise.
  Args With(const Args& more) const {
    Args args = {"sweep", "--text", dir_ / "books"};
    const auto given = [&](const char* option) { return std::find(more.begin(), more.end(), option) != more.end(); };
    if (!given("--context")) args.insert(args.end(), {"--context", "64"});
    if (!given("--stride")) args.insert(args.end(), {"--stride", "32"});
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  Json Sweep(const Args& more) const {
    Args args = With(more);
    args.push_back("--json");
    return Eval(args).json();
  }
  std::string Read(const std::string& name) const { return reference::ReadText(dir_ / name); }

  // The windows that the sweep scores: bytes are tokens.
  std::vector<Window> Windows() const { return MakeWindows(std::vector<size_t>{400, 150}, 64, 32); }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(SweepTool, RowsEqualPerplexity) {
  const std::string adapter = dir_ / "adapter";
  reference::MakeAdapter(adapter, ByteModelConfig(), {.seed = 9});
  const Json sweep = Sweep({"--model", model_, "--adapter", "-", "--adapter", adapter, "--thresholds", "0,-0.5",
                            "--budgets", "0.8", "--kv", "f16"});
  // Dense; two adapters at two thresholds; four kinds at four matches and a budget, some of them the same.
  EXPECT_GT(sweep["rows"].size(), 5u + 4u * 3u);
  for (const Json& row : sweep["rows"]) {
    const std::string policy = row["policy"];
    SCOPED_TRACE(row.dump());
    Args args = {
        "perplexity", "--model", model_, "--text", dir_ / "books", "--context", "64",
        "--stride",   "32",      "--kv", "f16",    "--json",       "--policy",  policy.substr(0, policy.find('('))};
    if (!row["adapter"].is_null()) args.insert(args.end(), {"--adapter", row["adapter"]});
    if (!row["threshold"].is_null()) args.insert(args.end(), {"--threshold", row["threshold"].dump()});
    const Json alone = Eval(args).json();
    for (const char* field : {"nll", "perplexity", "tokens", "sparsity", "sparsity_at", "policy", "kv_bytes_dense"}) {
      EXPECT_EQ(row[field], alone[field]) << field;
    }
    EXPECT_EQ(row["kv_bytes_reserved"], alone["kv_bytes_reserved"]) << "counting drops is not part of the cache";
    EXPECT_EQ(sweep["windows"], alone["windows"]);
  }
}

TEST_F(SweepTool, BaselinesKeepAsManyTokensAsTheirLearnedRow) {
  const Json sweep = Sweep({"--model", model_, "--thresholds", "0,-0.5,0.5"});
  const auto counts = PredictingPositions(Windows());
  const Json& rows = sweep["rows"];
  std::set<std::string> matched;
  for (const Json& row : rows) {
    if (row["role"] != "baseline") continue;
    const PolicySpec spec = ParsePolicy(row["policy"].get<std::string>());
    EXPECT_NEAR(row["kept_tokens"], MeanKept(spec, counts), 1e-9) << "measured, and foretold: " << row["policy"];
    ASSERT_FALSE(row["matched_to"].empty());
    for (const size_t to : row["matched_to"]) {
      EXPECT_EQ(rows[to]["role"], "learned");
      EXPECT_NEAR(row["kept_tokens"], rows[to]["kept_tokens"], 0.51) << row["policy"];
      matched.insert(row["policy"].get<std::string>().substr(0, 4) + std::to_string(to));
    }
  }
  EXPECT_EQ(matched.size(), 4u * 3u) << "every kind for every learned row";
}

TEST_F(SweepTool, KeptTokensAgreeWithTheOracle) {
  const Json sweep = Sweep({"--model", model_, "--no-match"});
  ASSERT_EQ(sweep["rows"].size(), 2u);
  const reference::Oracle oracle(Checkpoint::Open(model_));
  const std::vector<std::string> texts = {Read("books/a.txt"), Read("books/b.txt")};
  double kept = 0, tokens = 0, seen = 0;
  for (const Window& window : Windows()) {
    const std::string& text = texts[window.document];
    const std::vector<TokenId> ids(text.begin() + static_cast<long>(window.begin),
                                   text.begin() + static_cast<long>(window.end));
    const auto result = oracle.Run(ids, ParsePolicy("learned"));
    for (size_t n = window.first_scored - window.begin - 1; n + 1 < ids.size(); ++n) {
      for (const std::vector<int32_t>& dropped_at : result.dropped_at) {
        for (size_t j = 0; j <= n; ++j) {
          const bool dropped = dropped_at[j] >= 0 && static_cast<size_t>(dropped_at[j]) <= n;
          kept += dropped ? 0 : 1.0 / static_cast<double>(result.dropped_at.size());
        }
      }
      seen += static_cast<double>(n) + 1;
      ++tokens;
    }
  }
  EXPECT_NEAR(sweep["rows"][0]["kept_tokens"], seen / tokens, 1e-9);
  EXPECT_NEAR(sweep["rows"][1]["kept_tokens"], kept / tokens, 1e-9);
  EXPECT_LT(kept, 0.8 * seen);
}

TEST_F(SweepTool, BudgetsAreSparsitiesAtTheEndOfTheContext) {
  const Json sweep =
      Sweep({"--model", model_, "--no-match", "--budgets", "0.5,0.9", "--stride", "64", "--max-tokens", "128"});
  ASSERT_EQ(sweep["rows"].size(), 2u + 4u * 2u);
  for (const Json& row : sweep["rows"]) {
    if (row["role"] != "baseline") continue;
    ASSERT_EQ(row["budgets"].size(), 1u);
    EXPECT_NEAR(row["sparsity"], row["budgets"][0], 1.0 / 63) << row["policy"];
    EXPECT_TRUE(row["matched_to"].empty());
  }
}

TEST_F(SweepTool, PositionsSplitTheTokensOfEveryRow) {
  const std::string model = MakeByteModel(dir_, "long", ByteModelConfig(300));
  const Args text = {"--text", dir_ / "books", "--context", "200", "--stride", "150"};
  Args args = {"sweep", "--model", model, "--json"};
  args.insert(args.end(), text.begin(), text.end());
  const Json sweep = Eval(args).json();
  for (const Json& row : sweep["rows"]) {
    double nll = 0;
    size_t tokens = 0;
    for (const Json& part : row["positions"]) {
      nll += std::log(part["perplexity"].get<double>()) * part["tokens"].get<double>();
      tokens += part["tokens"].get<size_t>();
    }
    EXPECT_EQ(tokens, row["tokens"]);
    EXPECT_NEAR(nll / static_cast<double>(tokens), row["nll"], 1e-9);
  }
  // The first window of each text scores everything, the later ones the tokens after position 49.
  const Json& parts = sweep["rows"][0]["positions"];
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0]["tokens"], 64 + 15 + 15 + 64);
  EXPECT_EQ(parts[1]["to"], 127);

  Args alone = {"perplexity", "--model", model, "--policy", "dense", "--json", "--per-token", dir_ / "nll"};
  alone.insert(alone.end(), text.begin(), text.end());
  Eval(alone);
  const auto nll = Json::parse(Read("nll")).get<std::vector<double>>();
  double first = 0;
  for (size_t i = 0; i < 64; ++i) first += nll[i] + nll[399 + i];        // of the first windows
  for (size_t i = 0; i < 15; ++i) first += nll[199 + i] + nll[349 + i];  // tokens 200 and 350 follow position 49
  EXPECT_NEAR(parts[0]["perplexity"], std::exp(first / (64 + 15 + 15 + 64)), 1e-6);
}

TEST_F(SweepTool, ManifestListsModels) {
  MakeByteModel(dir_, "models/control", ByteModelConfig(96, 0));
  reference::MakeAdapter(dir_ / "models/strong", ByteModelConfig(), {.seed = 4, .beta = 0.0f});
  MakeByteModel(dir_, "models/weak");
  reference::WriteText(dir_ / "models/manifest.json",
                       R"({"default": "weak", "dense_control": {"model": "control", "adapter": null}, "sweep": [
                         {"gamma": 1, "model": "control", "adapter": "strong"},
                         {"gamma": 0.03, "model": "weak", "adapter": null}],
                         "baselines": [{"policy": "sinks:2,5", "model": "weak"}]})");
  const Args args = {"--manifest", dir_ / "models/manifest.json", "--baselines", "window"};
  const Json rows = Sweep(args)["rows"];
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0]["role"], "control");
  EXPECT_EQ(rows[0]["model"], dir_ / "models/control");
  EXPECT_EQ(rows[1]["adapter"], dir_ / "models/strong");
  EXPECT_EQ(rows[1]["gamma"], 1.0);
  EXPECT_EQ(rows[2]["model"], dir_ / "models/weak");
  EXPECT_EQ(rows[2]["gamma"], 0.03);
  EXPECT_EQ(rows[3]["model"], dir_ / "models/weak");
  EXPECT_EQ(rows[3]["policy"], "sinks:2,5");
  EXPECT_EQ(rows[4]["model"], dir_ / "models/control");
  EXPECT_NE(rows[1]["nll"], rows[2]["nll"]);
  for (const Json& row : rows) {
    EXPECT_NEAR(row["ratio_to_dense"], row["perplexity"].get<double>() / rows[0]["perplexity"].get<double>(), 1e-12);
  }

  Args both = args;
  both.insert(both.end(), {"--baseline-model", "both"});
  std::map<std::string, int> windows;  // by model and adapter
  const Json more = Sweep(both);
  for (const Json& row : more["rows"]) {
    if (!row["matched_to"].empty()) ++windows[row["model"].get<std::string>() + "+" + row["adapter"].dump()];
  }
  EXPECT_EQ(windows.size(), 3u) << "the control with two matches, each variant with its own";
  EXPECT_EQ(windows[dir_ / "models/control" + "+null"], 2);
}

TEST_F(SweepTool, EveryOutputIsComplete) {
  const auto run = Eval(With({"--model", model_, "--json", dir_ / "out.json", "--csv", dir_ / "out.csv", "--plot",
                              dir_ / "plot.svg", "--plot-position", dir_ / "position.svg"}));
  const Json json = Json::parse(Read("out.json"));
  for (const char* key : {"context", "stride", "windows", "documents", "tokens", "weights", "kv", "threads",
                          "bootstrap", "complete", "rows"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["bootstrap"]["unit"], "block");
  EXPECT_EQ(json["complete"], true);
  const std::vector<std::string> csv = LinesOf(Read("out.csv"));
  ASSERT_EQ(csv.size(), json["rows"].size() + 1);
  EXPECT_EQ(csv[0],
            "role,model,adapter,gamma,policy,threshold,matched_to,budgets,tokens,nll,perplexity,perplexity_95_low,"
            "perplexity_95_high,ratio_to_dense,ratio_to_dense_95_low,ratio_to_dense_95_high,sparsity,sparsity_at_250,"
            "sparsity_at_500,sparsity_at_1000,kept_tokens,kv_bytes_reserved,kv_bytes_dense,tokens_per_s,"
            "perplexity_0_62");
  for (size_t i = 0; i < json["rows"].size(); ++i) {
    const Json& row = json["rows"][i];
    EXPECT_NE(run.out.find(row["policy"]), std::string::npos) << "the table lacks " << row["policy"];
    EXPECT_NE(csv[i + 1].find(row["nll"].dump()), std::string::npos);
    EXPECT_LT(row["perplexity_95"][0], row["perplexity"]);
    EXPECT_GT(row["perplexity_95"][1], row["perplexity"]);
    EXPECT_LE(row["ratio_to_dense_95"][0], row["ratio_to_dense"]);
    EXPECT_GE(row["ratio_to_dense_95"][1], row["ratio_to_dense"]);
    EXPECT_GT(row["tokens_per_s"], 0.0);
  }
  EXPECT_NE(csv[4].find("\"sinks:4,"), std::string::npos) << "a comma in a field is quoted: " << csv[4];
  for (const char* name : {"plot.svg", "position.svg"}) {
    const std::string svg = Read(name);
    ExpectWellFormed(svg);
    for (const char* word : {">dense<", "learned", "window", "sinks", "strided", "h2o"}) {
      EXPECT_NE(svg.find(word), std::string::npos) << name << " lacks " << word;
    }
  }
}

TEST_F(SweepTool, SeedAndSamplesOfTheIntervals) {
  const Args args = {"--model", model_, "--no-match"};
  const auto interval = [&](const Args& more) {
    Args all = args;
    all.insert(all.end(), more.begin(), more.end());
    return Sweep(all)["rows"][1]["ratio_to_dense_95"];
  };
  const Json first = interval({"--seed", "1"});
  EXPECT_EQ(interval({"--seed", "1", "--batch", "3", "--threads", "1"}), first);
  EXPECT_NE(interval({"--seed", "2"}), first);
  EXPECT_TRUE(interval({"--bootstrap", "0"}).is_null());
}

TEST_F(SweepTool, MaxWindowsSpreadOverTheTexts) {
  const Json sweep = Sweep({"--model", model_, "--no-match", "--max-windows", "4"});
  EXPECT_EQ(sweep["windows"], 4);
  EXPECT_EQ(sweep["documents"], 2);
  EXPECT_EQ(Sweep({"--model", model_, "--no-match", "--max-windows", "999"})["windows"], Windows().size());
}

TEST_F(SweepTool, ResumeMeasuresNothingTwice) {
  const Args args = {"--model", model_, "--resume", dir_ / "rows.jsonl"};
  const Json first = Sweep(args);
  const std::string rows = Read("rows.jsonl");
  EXPECT_EQ(LinesOf(rows).size(), first["rows"].size());
  EXPECT_EQ(Sweep(args), first) << "speeds as well: nothing was measured";
  EXPECT_EQ(Read("rows.jsonl"), rows);

  Args other = args;
  other.insert(other.end(), {"--max-tokens", "300", "--no-match"});
  EXPECT_NE(Sweep(other)["rows"][0]["nll"], first["rows"][0]["nll"]) << "another text is another row";
  EXPECT_EQ(LinesOf(Read("rows.jsonl")).size(), first["rows"].size() + 2);
  EXPECT_EQ(Sweep(args), first);
}

TEST_F(SweepTool, InterruptReportsTheRowsThatAreDone) {
  // Row 0 is announced on stderr, and that is when Ctrl-C comes.
  const Args args = With({"--model", model_, "--json", "--csv", dir_ / "out.csv", "--plot", dir_ / "out.svg",
                          "--plot-position", dir_ / "position.svg", "--resume", dir_ / "rows.jsonl"});
  const auto run = RunTool(EvalMain, args, {.interrupt_at_warning = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  const Json json = run.json();
  EXPECT_EQ(json["complete"], false);
  ASSERT_EQ(json["rows"].size(), 1u);
  EXPECT_EQ(json["rows"][0]["policy"], "dense");
  EXPECT_EQ(LinesOf(Read("out.csv")).size(), 2u);
  ExpectWellFormed(Read("out.svg"));
  ExpectWellFormed(Read("position.svg"));
  EXPECT_NE(run.err.find("dcp-eval: interrupted after 1 rows\n"), std::string::npos) << run.err;

  const Json whole = Eval(args).json();
  EXPECT_EQ(whole["complete"], true);
  EXPECT_EQ(whole["rows"][0]["tokens_per_s"], json["rows"][0]["tokens_per_s"]) << "row 0 was kept";
}

TEST_F(SweepTool, InterruptBeforeTheFirstRow) {
  const auto before = dir_.Files();
  const auto run = RunTool(EvalMain, With({"--model", model_, "--csv", dir_ / "out.csv"}), {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(dir_.Files(), before);
}

TEST_F(SweepTool, BadInputIsOneLine) {
  const auto before = dir_.Files();
  const auto refuse = [&](const Args& more, const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(more));
    ExpectRefused(RunTool(EvalMain, With(more)), "dcp-eval", words);
  };
  refuse({}, {"--manifest", "--model"});
  refuse({"--manifest", "m", "--model", model_}, {"--manifest", "--model"});
  refuse({"--manifest", dir_ / "none.json"}, {dir_ / "none.json", "No such file"});
  refuse({"--model", model_, "--model", model_, "--adapter", "a", "--adapter", "b", "--adapter", "c"},
         {"--adapter", "3", "--model", "2"});
  refuse({"--model", model_, "--thresholds", "0,x"}, {"--thresholds", "\"x\""});
  refuse({"--model", model_, "--thresholds", "0,,1"}, {"--thresholds", "empty"});
  refuse({"--model", model_, "--thresholds", "nan"}, {"--thresholds", "nan"});
  refuse({"--model", model_, "--budgets", "0.5,1"}, {"--budgets", "1"});
  refuse({"--model", model_, "--budgets", "-0.1"}, {"--budgets", "-0.1"});
  refuse({"--model", model_, "--baselines", "window,lru"}, {"--baselines", "lru", "h2o"});
  refuse({"--model", model_, "--baseline-model", "mine"}, {"--baseline-model", "mine", "variant"});
  refuse({"--model", model_, "--max-windows", "-1"}, {"--max-windows", "-1"});
  refuse({"--model", model_, "--bootstrap", "-1"}, {"--bootstrap", "-1"});
  refuse({"--model", model_, "--seed", "-1"}, {"--seed", "-1"});
  refuse({"--model", model_, "--context", "97"}, {"--context", "97", "96"});
  refuse({"--model", model_, "--kv", "i4"}, {"i4", "f16"});
  refuse({"--model", model_, "--csv", dir_ / "no/such/file"}, {dir_ / "no/such/file"});
  refuse({"--model", model_, "--resume", dir_ / "no/such/file"}, {dir_ / "no/such/file"});
  EXPECT_EQ(dir_.Files(), before);
}

TEST_F(SweepTool, ModelsThatCannotBeCompared) {
  const auto refuse = [&](const Args& more, const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(more));
    ExpectRefused(RunTool(EvalMain, With(more)), "dcp-eval", words);
  };
  const std::string plain = MakeByteModel(dir_, "plain", ByteModelConfig(96, 0));
  refuse({"--model", model_, "--model", plain}, {plain, "interaction"});
  ModelConfig more = ByteModelConfig();
  more.vocab_size = 260;
  const std::string wide = MakeByteModel(dir_, "wide", more);
  refuse({"--model", model_, "--model", wide}, {wide, "260", "257"});
  const std::string brief = MakeByteModel(dir_, "brief", ByteModelConfig(32));
  refuse({"--model", model_, "--model", brief}, {brief, "32", "64"});
  const std::string other = MakeByteModel(dir_, "other");
  reference::WriteText(other + "/added_tokens.json", R"({"<|endoftext|>": 256, "ab": 257})");
  refuse({"--model", model_, "--model", other}, {other, "tokenizer", model_});
  reference::WriteText(dir_ / "damaged.jsonl", "{\"key\": 1}\n");
  refuse({"--model", model_, "--resume", dir_ / "damaged.jsonl"}, {"damaged.jsonl:1"});
}

TEST_F(SweepTool, ModelWithoutInteractionHasBaselinesAtBudgets) {
  const std::string plain = MakeByteModel(dir_, "plain", ByteModelConfig(96, 0));
  const Json rows = Sweep({"--model", plain, "--budgets", "0.5"})["rows"];
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[1]["role"], "baseline");
}

}  // namespace
}  // namespace dcp::tools
