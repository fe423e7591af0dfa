// dcp-eval task: scores against plain computations, for dense and pruned caches.
#include <gtest/gtest.h>

#include <cmath>

#include "dcp-eval/eval_tool.h"
#include "dcp-eval/scoring/likelihood.h"
#include "dcp-eval/task/scores.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/oracle.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

std::vector<TokenId> BytesOf(const std::string& text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

TEST(MeanWithError, SampleDeviationOverRootN) {
  const MeanError two = MeanWithError(std::vector<double>{1, 0});
  EXPECT_DOUBLE_EQ(two.mean, 0.5);
  EXPECT_DOUBLE_EQ(*two.error, 0.5);  // deviation sqrt(1/2), n = 2
  const MeanError four = MeanWithError(std::vector<double>{1, 1, 1, 0});
  EXPECT_DOUBLE_EQ(four.mean, 0.75);
  EXPECT_DOUBLE_EQ(*four.error, 0.25);  // sqrt(0.75 / 3) / 2
  EXPECT_FALSE(MeanWithError(std::vector<double>{3}).error);
}

TEST(JudgeExample, LengthsAndTies) {
  const TaskExample example = {{{"", "", "aaaa"}, {"", "", "éé"}, {"", "", "aaaa"}}, 1, 1};
  const auto judge = [&](double a, double b, double c) {
    std::vector<ContinuationScore> scores(3);
    scores[0].nll = a;
    scores[1].nll = b;
    scores[2].nll = c;
    return JudgeExample(example, scores);
  };
  // 3.0 / 2 letters, 3.0 / 4 bytes
  const ExampleScore close = judge(4, 3, 5);
  EXPECT_TRUE(close.right);
  EXPECT_FALSE(close.right_per_letter);  // 1.5 a letter against 1.0
  EXPECT_TRUE(close.right_per_byte);     // 0.75 a byte against 1.0
  EXPECT_FALSE(judge(3, 3, 5).right);    // of equals the first counts
  EXPECT_TRUE(judge(5, 3, 3).right);
}

class TaskTool : public testing::Test {
 protected:
  // What the NLLs of the choices have to be: each in a session of its own.
  std::vector<double> Plain(const std::vector<std::pair<std::string, std::string>>& requests, const char* policy) {
    std::vector<double> nlls;
    const auto model = Model::Load(model_);
    ThreadPool pool(1);
    SessionOptions options;
    options.policy = MakePolicy(ParsePolicy(policy));
    for (const auto& [context, continuation] : requests) {
      std::vector<TokenId> ids = BytesOf(context + continuation);
      const size_t most = static_cast<size_t>(model->config().n_positions) + 1;
      if (ids.size() > most) ids.erase(ids.begin(), ids.end() - static_cast<long>(most));
      const size_t scored = continuation.size(), before = ids.size() - scored - 1;
      Session session(model, pool, options);
      const SequenceId sequence = session.Add();
      const FeedItem head{sequence, std::span(ids).first(before), LogitsMode::kNone};
      if (before > 0) session.Prefill({&head, 1});
      const FeedItem tail{sequence, std::span(ids).subspan(before, scored), LogitsMode::kAll};
      const Logits logits = session.Prefill({&tail, 1});
      double nll = 0;
      for (size_t i = 0; i < scored; ++i) nll += NegativeLogLikelihood(logits.row(i), ids[before + 1 + i]);
      nlls.push_back(nll);
    }
    return nlls;
  }

  std::string File(const std::string& name, const std::string& content) {
    reference::WriteText(dir_ / name, content);
    return dir_ / name;
  }

  Args With(const char* task, const std::string& data, const char* policy, const Args& more = {}) {
    Args args = {"task", "--task", task, "--data", data, "--model", model_, "--policy", policy, "--json"};
    args.insert(args.end(), {"--per-example", dir_ / "examples.json"});
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  Json PerExample() { return Json::parse(reference::ReadText(dir_ / "examples.json")); }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);  // 96 positions
};

constexpr const char* kPolicies[] = {"dense", "learned", "window:8", "sinks:2,9", "h2o:10"};

const std::vector<std::vector<std::string>> kContexts = {
    {"Ann met Bob and Eve", " then a", " and", " x yz", " and then some more"},
    {"Short", " b", " bb", " c", " d"},
    {std::string(80, 'q') + " the long one has to be cut on the left", " a", " bcd", " efghijk", " l"}};

std::string ClozeFile() {
  std::string lines;
  for (size_t i = 0; i < kContexts.size(); ++i) {
    Json line;
    line["context"] = kContexts[i][0];
    for (size_t k = 1; k < 5; ++k) line["endings"].push_back(kContexts[i][k].substr(1));
    line["label"] = i % 4;
    lines += Dump(line);
  }
  return lines;
}

// Shared contexts are fed once and copied, requests run as one ragged batch: the scores are those of each alone, to the
// last bit.
TEST_F(TaskTool, ScoresAreThoseOfEachRequestAlone) {
  const std::string data = File("cloze.jsonl", ClozeFile());
  for (const char* policy : kPolicies) {
    SCOPED_TRACE(policy);
    const Json json = Eval(With("cloze", data, policy, {"--threads", "2"})).json();
    const Json examples = PerExample();
    ASSERT_EQ(examples.size(), kContexts.size());
    std::vector<double> right;
    for (size_t i = 0; i < kContexts.size(); ++i) {
      std::vector<std::pair<std::string, std::string>> requests;
      for (size_t k = 1; k < 5; ++k) requests.emplace_back(kContexts[i][0], kContexts[i][k]);
      const std::vector<double> nll = Plain(requests, policy);
      EXPECT_EQ(examples[i]["nll"].get<std::vector<double>>(), nll) << "example " << i;
      right.push_back(std::min_element(nll.begin(), nll.end()) - nll.begin() == static_cast<long>(i % 4));
    }
    const MeanError accuracy = MeanWithError(right);
    EXPECT_DOUBLE_EQ(json["acc"], accuracy.mean);
    EXPECT_DOUBLE_EQ(json["acc_stderr"], *accuracy.error);
    EXPECT_EQ(json["contexts_cut"], 4);  // 119 bytes
    EXPECT_EQ(json["examples"], 3);
  }
}

TEST_F(TaskTool, ScoresAgreeWithTheOracle) {
  const std::string data = File("cloze.jsonl", ClozeFile());
  const reference::Oracle oracle(Checkpoint::Open(model_));
  for (const char* policy : kPolicies) {
    SCOPED_TRACE(policy);
    Eval(With("cloze", data, policy));
    const Json examples = PerExample();
    for (size_t i = 0; i < 2; ++i) {
      for (size_t k = 1; k < 5; ++k) {
        const auto nll = oracle.Run(BytesOf(kContexts[i][0] + kContexts[i][k]), ParsePolicy(policy)).nll;
        double sum = 0;
        for (size_t j = nll.size() - kContexts[i][k].size(); j < nll.size(); ++j) sum += nll[j];
        EXPECT_NEAR(examples[i]["nll"][k - 1], sum, 1e-4 * sum);
      }
    }
  }
}

TEST_F(TaskTool, BatchThreadsAndChunkedRequestsChangeNoScore) {
  std::string lines = ClozeFile();
  for (int i = 0; i < 3; ++i) lines += ClozeFile();
  const std::string data = File("cloze.jsonl", lines);
  const auto run = [&](const Args& more) {
    Eval(With("cloze", data, "learned", more));
    return PerExample();
  };
  const Json expected = run({"--batch", "1", "--threads", "1"});
  EXPECT_EQ(run({"--batch", "5", "--threads", "2"}), expected);
  EXPECT_EQ(run({"--batch", "100"}), expected);
  // Shorter chunks round differently at most; continuations longer than a chunk take several passes.
  const Json chunked = run({"--prefill-chunk", "7"});
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t k = 0; k < 4; ++k) {
      const double nll = expected[i]["nll"][k];
      EXPECT_NEAR(chunked[i]["nll"][k], nll, 1e-4 * nll);
    }
  }
}

TEST_F(TaskTool, LambadaPerplexityAndItsError) {
  const std::string data = File("lambada.txt", "he gave the book to helen\nshe met tom\nlone\n");
  const Json json = Eval(With("lambada", data, "learned")).json();
  std::vector<double> nll = Plain({{"he gave the book to", " helen"}, {"she met", " tom"}}, "learned");
  const Json examples = PerExample();
  EXPECT_EQ(examples[0]["nll"][0], nll[0]);
  EXPECT_EQ(examples[1]["nll"][0], nll[1]);
  nll.push_back(examples[2]["nll"][0]);  // after the end-of-text token
  const MeanError mean = MeanWithError(nll);
  EXPECT_NEAR(json["perplexity"], std::exp(mean.mean), 1e-9 * std::exp(mean.mean));
  EXPECT_NEAR(json["perplexity_stderr"], std::exp(mean.mean) * *mean.error, 1e-9 * std::exp(mean.mean));
  EXPECT_FALSE(json.contains("acc_norm"));
  EXPECT_EQ(json["mean_context"], (24 + 10 + 5) / 3.0);
}

// What the model itself goes on with is greedy; one other token anywhere, and it is not.
TEST_F(TaskTool, GreedyMeansEveryToken) {
  const auto model = Model::Load(model_);
  ThreadPool pool(1);
  Session session(model, pool);
  const std::vector<TokenId> context = BytesOf("once upon a time");
  std::vector<TokenId> greedy;
  const SequenceId sequence = session.Add();
  const FeedItem item{sequence, context};
  Logits logits = session.Prefill({&item, 1});
  for (int i = 0; i < 4; ++i) {
    const auto row = logits.row(0);
    greedy.push_back(static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin()));
    logits = session.Decode({&sequence, 1}, {&greedy.back(), 1});
  }
  session.Finish(sequence);
  Question question{"question", context, {greedy}};
  for (size_t i = 0; i < greedy.size(); ++i) {
    question.continuations.push_back(greedy);
    question.continuations.back()[i] = (greedy[i] + 1) % 257;
  }
  ContinuationScorer scorer(session, pool, 1);
  const auto scores = scorer.Score({&question, 1}, [](size_t) { return true; });
  ASSERT_EQ(scores[0].size(), 5u);
  EXPECT_TRUE(scores[0][0].greedy);
  EXPECT_TRUE(JudgeExample({{{}}, 0, 1}, {scores[0][0]}).right);
  for (size_t i = 1; i < 5; ++i) EXPECT_FALSE(scores[0][i].greedy) << i;
  EXPECT_TRUE(session.cache().Sequences().empty());
}

TEST_F(TaskTool, WinoGrandeComparesContexts) {
  const std::string data = File("w.jsonl",
                                "{\"sentence\": \"Ann met Eve as _ was late.\", \"option1\": \"Ann\", \"option2\": "
                                "\"Eveline\", \"answer\": \"2\"}\n");
  const Json json = Eval(With("winogrande", data, "learned")).json();
  const auto nll = Plain({{"Ann met Eve as Ann", " was late."}, {"Ann met Eve as Eveline", " was late."}}, "learned");
  EXPECT_EQ(PerExample()[0]["nll"].get<std::vector<double>>(), nll);
  EXPECT_EQ(json["acc"], nll[1] < nll[0] ? 1.0 : 0.0);
  EXPECT_TRUE(json["acc_stderr"].is_null());  // of one example
  EXPECT_FALSE(json.contains("acc_norm"));
}

TEST_F(TaskTool, LimitAndTable) {
  const std::string data = File("cloze.jsonl", ClozeFile());
  const auto run = Eval({"task", "--task", "cloze", "--data", data, "--model", model_, "--limit", "2"});
  for (const char* word : {"cloze", "learned", "acc_norm", " +- ", "examples             2\n"}) {
    EXPECT_NE(run.out.find(word), std::string::npos) << run.out;
  }
  EXPECT_EQ(run.err, "");
}

TEST_F(TaskTool, InterruptLeavesNoFile) {
  const std::string data = File("cloze.jsonl", ClozeFile());
  const auto before = dir_.Files();
  const auto run = RunTool(EvalMain, With("cloze", data, "dense"), {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(dir_.Files(), before);
}

}  // namespace
}  // namespace dcp::tools
