// dcp-eval perplexity: golden values, windows, documents, sparsity, Ctrl-C.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/windows.h"
#include "dcp-eval/eval_tool.h"
#include "dcp-eval/scoring/likelihood.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/golden.h"
#include "tests/reference/oracle.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

std::vector<double> ReadNumbers(const std::string& path) {
  return Json::parse(reference::ReadText(path)).get<std::vector<double>>();
}

void ExpectNear(const std::vector<double>& values, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Windows, EveryTokenIsScoredOnce) {
  const auto windows = MakeWindows(std::vector<size_t>{10, 0, 1, 3}, 4, 2);
  std::vector<std::vector<size_t>> found;
  for (const Window& w : windows) found.push_back({w.document, w.begin, w.end, w.first_scored});
  EXPECT_EQ(found,
            (std::vector<std::vector<size_t>>{{0, 0, 4, 1}, {0, 2, 6, 4}, {0, 4, 8, 6}, {0, 6, 10, 8}, {3, 0, 3, 1}}));
}

TEST(Windows, AnyShapeCoversAllButWhatHasNoPast) {
  for (size_t tokens = 2; tokens < 40; ++tokens) {
    const std::vector<size_t> document = {tokens};
    for (size_t context = 2; context < 14; ++context) {
      for (size_t stride = 1; stride <= context; ++stride) {
        std::vector<int> scored(tokens, 0);
        for (const Window& w : MakeWindows(document, context, stride)) {
          EXPECT_LE(w.end - w.begin, context);
          EXPECT_EQ(w.begin % stride, 0u);
          EXPECT_LT(w.begin, w.first_scored);
          for (size_t i = w.first_scored; i < w.end; ++i) ++scored[i];
        }
        for (size_t i = 0; i < tokens; ++i) {
          const bool has_past = i > 0 && (stride < context || i % stride != 0);
          EXPECT_EQ(scored[i], has_past ? 1 : 0) << tokens << ' ' << context << ' ' << stride << ' ' << i;
        }
      }
    }
  }
}

TEST(NegativeLogLikelihood, IsSafeAtAnySize) {
  const std::vector<float> logits = {1000, 1001, 999};
  const double sum = std::exp(-1.0) + 1 + std::exp(-2.0);
  EXPECT_NEAR(NegativeLogLikelihood(logits, 1), std::log(sum), 1e-12);
  EXPECT_NEAR(NegativeLogLikelihood(logits, 0), std::log(sum) + 1, 1e-12);
  EXPECT_NEAR(NegativeLogLikelihood(std::vector<float>{-3e38f, 3e38f}, 0), 6e38, 1e32);
}

TEST(EvalGolden, NllOfEveryToken) {
  for (const auto& folder : reference::GoldenFolders(DCP_SOURCE_DIR)) {
    for (const auto& golden : reference::ReadGolden(folder)) {
      SCOPED_TRACE(folder.string() + ", text of " + std::to_string(golden.ids.size()));
      TempDir dir;
      reference::WriteText(dir / "ids", "[" + Join(golden.ids) + "]");
      const Args args = {"perplexity", "--model",     folder.string(), "--ids",
                         dir / "ids",  "--per-token", dir / "nll",     "--json"};
      const Json json = Eval(args).json();
      ExpectNear(ReadNumbers(dir / "nll"), golden.nll, 1e-4);
      if (golden.nll.empty()) {  // a single token: nothing to average
        EXPECT_TRUE(json["nll"].is_null());
        EXPECT_TRUE(json["perplexity"].is_null());
      } else {
        EXPECT_NEAR(json["nll"], Mean(golden.nll), 1e-4);
      }
      EXPECT_EQ(json["tokens"], golden.nll.size());
      EXPECT_EQ(json["policy"], "learned");

      Args dense = args;
      dense.insert(dense.end(), {"--policy", "dense"});
      EXPECT_EQ(Eval(dense).json()["sparsity"], 0);
      ExpectNear(ReadNumbers(dir / "nll"), golden.dense_nll, 1e-4);
    }
  }
}

class EvalTool : public testing::Test {
 protected:
  Args With(const Args& more) const {
    Args args = {"perplexity", "--model", model_, "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  std::string Text(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    reference::WriteText(dir_ / name, content);
    return dir_ / name;
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(EvalTool, JsonHasEveryField) {
  const Json json = Eval(With({"--text", Text("a.txt", Letters(300))})).json();
  for (const char* key : {"tokens", "nll", "perplexity", "context", "stride", "policy", "sparsity", "sparsity_at",
                          "kv_bytes_reserved", "kv_bytes_dense", "windows", "documents", "seconds", "tokens_per_s"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["tokens"], 299);
  EXPECT_EQ(json["context"], 96);
  EXPECT_EQ(json["stride"], 48);
  EXPECT_EQ(json["documents"], 1);
  EXPECT_EQ(json["windows"], 6);
  EXPECT_EQ(json["sparsity_at"], Json::object());
  EXPECT_NEAR(json["perplexity"], std::exp(json["nll"].get<double>()), 1e-9);
  EXPECT_GT(json["sparsity"], 0.0);
  EXPECT_LT(json["sparsity"], 1.0);
  EXPECT_GT(json["kv_bytes_reserved"], 0);
  EXPECT_GT(json["kv_bytes_dense"], 0);
}

// Windows against the oracle run on each of them, with sparsity at the ends.
TEST_F(EvalTool, WindowsAgreeWithTheOracle) {
  const std::string text = Letters(150);
  const reference::Oracle oracle(Checkpoint::Open(model_));
  for (const char* policy : {"learned", "dense", "sinks:2,9"}) {
    const size_t context = 40, stride = 15;
    std::vector<double> nll, sparsity;
    for (size_t begin = 0, scored = 1; scored < text.size(); begin += stride) {
      const size_t end = std::min(begin + context, text.size());
      const std::vector<TokenId> ids(text.begin() + static_cast<long>(begin), text.begin() + static_cast<long>(end));
      const auto result = oracle.Run(ids, ParsePolicy(policy));
      nll.insert(nll.end(), result.nll.begin() + static_cast<long>(scored - begin - 1), result.nll.end());
      sparsity.push_back(result.sparsity);
      scored = end;
    }
    const Json json = Eval(With({"--text", Text("a.txt", text), "--context", "40", "--stride", "15", "--policy", policy,
                                 "--per-token", dir_ / "nll"}))
                          .json();
    ExpectNear(ReadNumbers(dir_ / "nll"), nll, 1e-4);
    EXPECT_NEAR(json["nll"], Mean(nll), 1e-5);
    EXPECT_NEAR(json["sparsity"], Mean(sparsity), 1e-9);
  }
}

TEST_F(EvalTool, SparsityAtTheContextsThatFit) {
  const std::string model = MakeByteModel(dir_, "long", ByteModelConfig(1024));
  const std::string text = Letters(1024);
  const auto run = [&](const char* context) {
    return Eval({"perplexity", "--model", model, "--text", Text("a.txt", text), "--context", context, "--stride",
                 context, "--policy", "window:100", "--json"})
        .json();
  };
  const auto expected = [](double n) { return (n - 99) / n; };  // of n earlier tokens 99 are in the window
  const Json json = run("1024");
  ASSERT_EQ(json["sparsity_at"].size(), 3u);
  for (const int n : {250, 500, 1000}) EXPECT_NEAR(json["sparsity_at"][std::to_string(n)], expected(n), 1e-12);
  EXPECT_NEAR(json["sparsity"], expected(1023), 1e-12);
  // A token with 500 before it is the 501st.
  EXPECT_TRUE(run("501")["sparsity_at"].contains("500"));
  EXPECT_FALSE(run("500")["sparsity_at"].contains("500"));
}

TEST_F(EvalTool, BatchAndThreadsChangeNoNumber) {
  const std::string text = Text("a.txt", Letters(700));
  const std::string more = Text("b.txt", Letters(75, 9));
  const auto run = [&](const char* batch, const char* threads) {
    Json json = Eval(With({"--text", text, "--text", more, "--context", "64", "--batch", batch, "--threads", threads,
                           "--per-token", dir_ / "nll"}))
                    .json();
    for (const char* varies : {"seconds", "tokens_per_s", "kv_bytes_reserved", "kv_bytes_dense"}) json.erase(varies);
    json["per_token"] = ReadNumbers(dir_ / "nll");
    return json;
  };
  const Json expected = run("1", "1");
  EXPECT_EQ(expected["per_token"].size(), 699u + 74u);
  EXPECT_EQ(run("8", "2"), expected);
  EXPECT_EQ(run("3", "1"), expected);
}

TEST_F(EvalTool, DocumentsFromFilesFoldersAndIds) {
  const std::string one = Letters(120), two = Letters(33, 5);
  Text("folder/1.txt", one);
  Text("folder/2.txt", two);
  Text("folder/ignored.md", "not a document");
  const auto ids = [](const std::string& text) {
    return "[" + Join(std::vector<TokenId>(text.begin(), text.end())) + "]";
  };
  Text("ids", "[" + ids(one) + "," + ids(two) + "]");
  const auto run = [&](const Args& source, const World& world = {}) {
    Args args = With(source);
    args.insert(args.end(), {"--per-token", dir_ / "nll"});
    EXPECT_EQ(Eval(args, world).json()["documents"], 2);
    return ReadNumbers(dir_ / "nll");
  };
  const auto expected = run({"--text", dir_ / "folder/1.txt", "--text", dir_ / "folder/2.txt"});
  EXPECT_EQ(expected.size(), 119u + 32u);
  EXPECT_EQ(run({"--text", dir_ / "folder"}), expected);
  EXPECT_EQ(run({"--ids", dir_ / "ids"}), expected);
  EXPECT_EQ(run({"--text", dir_ / "folder/1.txt", "--text", "-"}, {.in = two}), expected);
  // Windows never cross documents: each scores as it does alone.
  Eval(With({"--text", dir_ / "folder/2.txt", "--per-token", dir_ / "nll"}));
  EXPECT_EQ(ReadNumbers(dir_ / "nll"), std::vector<double>(expected.begin() + 119, expected.end()));
}

TEST_F(EvalTool, ShortDocumentsAreSkippedWithAWarning) {
  const auto run = Eval(With({"--text", Text("a.txt", "x"), "--text", Text("b.txt", "xyz")}));
  EXPECT_EQ(run.json()["tokens"], 2);
  EXPECT_EQ(run.json()["documents"], 1);
  EXPECT_EQ(run.err, "dcp-eval: warning: " + (dir_ / "a.txt") + ": skipped, has 1 tokens and nothing to score\n");
}

TEST_F(EvalTool, MaxTokensLeavesOutTheRest) {
  const std::string text = Letters(200);
  Text("whole.txt", text);
  Text("cut.txt", text.substr(0, 130));
  const auto nll = [&](const Args& args) {
    Args all = With(args);
    all.insert(all.end(), {"--per-token", dir_ / "nll"});
    Eval(all);
    return ReadNumbers(dir_ / "nll");
  };
  EXPECT_EQ(nll({"--text", dir_ / "whole.txt", "--text", dir_ / "cut.txt", "--max-tokens", "130"}),
            nll({"--text", dir_ / "cut.txt"}));
}

TEST_F(EvalTool, PlainModePrintsATable) {
  const std::string text = Text("a.txt", Letters(100));
  const auto run = Eval({"perplexity", "--model", model_, "--text", text, "--policy", "window:8"});
  for (const char* word : {"window:8", "perplexity", "99\n", "96, 48\n", "tokens/s"}) {
    EXPECT_NE(run.out.find(word), std::string::npos) << run.out;
  }
  EXPECT_EQ(run.err, "");
}

// An embedding so large that the logit of "x" overflows.
TEST_F(EvalTool, ALikelihoodThatIsNotFiniteNamesItsText) {
  const ModelConfig config = ByteModelConfig();
  auto tensors = reference::MakeTensors(config);
  const auto embedding = std::ranges::find(tensors, "wte.weight", &reference::MadeTensor::name);
  ASSERT_NE(embedding, tensors.end());
  const auto x = embedding->values.begin() + 'x' * config.n_embd;
  std::fill(x, x + config.n_embd, 3e38f);
  const std::string model = dir_ / "broken";
  reference::WriteCheckpoint(model, config, tensors);
  WriteByteTokenizer(model);
  ExpectRefused(RunTool(EvalMain, {"perplexity", "--model", model, "--text", Text("a.txt", "ax")}), "dcp-eval",
                {dir_ / "a.txt", "token 1 ", "id 120", "not finite"});
  const std::string data = Text("lambada.txt", "good one\nax x");
  ExpectRefused(RunTool(EvalMain, {"task", "--task", "lambada", "--model", model, "--data", data}), "dcp-eval",
                {data + ": line ", "not finite"});
}

TEST_F(EvalTool, InterruptReportsTheWindowsThatAreDone) {
  // The warning about the short document is when Ctrl-C comes.
  const std::string warned = Text("a.txt", "x"), text = Text("b.txt", Letters(1000));
  const auto before = dir_.Files();
  const Args args = With({"--text", warned, "--text", text, "--batch", "1", "--per-token", dir_ / "nll"});
  // A chunk is as long as a window, so one window is done when the interrupt is seen.
  const auto run = RunTool(EvalMain, args, {.interrupt_at_warning = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(run.json()["windows"], 1);
  EXPECT_EQ(run.json()["tokens"], 95);
  EXPECT_NE(run.err.find("dcp-eval: interrupted after 1 of 20 windows\n"), std::string::npos) << run.err;
  EXPECT_EQ(dir_.Files(), before);

  Args chunked = args;
  chunked.insert(chunked.end(), {"--prefill-chunk", "10"});
  const auto early = RunTool(EvalMain, chunked, {.interrupt_at_warning = true});
  EXPECT_EQ(early.status, kExitInterrupted);
  EXPECT_EQ(early.out, "");
  EXPECT_NE(early.err.find("dcp-eval: interrupted after 0 of 20 windows\n"), std::string::npos) << early.err;
}

TEST_F(EvalTool, InterruptWhileTextsAreRead) {
  const auto run = RunTool(EvalMain, With({"--text", Text("a.txt", "some text")}), {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "dcp-eval: interrupted\n");
}

TEST_F(EvalTool, FullDiskUnderStandardOutput) {
  const auto run = RunTool(EvalMain, With({"--text", Text("a.txt", "some text")}), {.out_capacity = 5});
  EXPECT_EQ(run.status, kExitUsage);
  EXPECT_EQ(run.err, "dcp-eval: standard output: No space left on device\n");
}

}  // namespace
}  // namespace dcp::tools
