// dcp-eval recall: how trials are laid out, what is judged, and that a window forgets exactly where it ends.
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "dcp-eval/eval_tool.h"
#include "dcp-eval/recall/result.h"
#include "dcp/error.h"
#include "dcp/model.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

std::vector<TokenId> Numbers(size_t count, TokenId from) {
  std::vector<TokenId> ids(count);
  for (size_t i = 0; i < count; ++i) ids[i] = static_cast<TokenId>((static_cast<size_t>(from) + i * 7) % 251);
  return ids;
}

class RecallTrialsTest : public testing::Test {
 protected:
  RecallTrialsTest() : tokenizer_(Tokenizer::Load(MakeByteModel(dir_))) {
    shape_.lead = 5;
    shape_.passage = 6;
    shape_.candidates = 4;
    shape_.max_distance = 120;
  }

  TempDir dir_;
  Tokenizer tokenizer_;
  RecallShape shape_;
  std::vector<Document> documents_ = {{"short", Numbers(50, 1)}, {"a", Numbers(300, 3)}, {"b", Numbers(400, 5)}};
};

TEST_F(RecallTrialsTest, AFactIsPlantedAndAskedAtTheDistance) {
  const RecallTrials trials(documents_, tokenizer_, shape_);
  for (size_t t = 0; t < 12; ++t) {
    for (const size_t distance : {60, 120}) {
      const RecallTrial trial = trials.Make(RecallKind::kFact, t, distance);
      ASSERT_EQ(trial.size(), 2u);
      EXPECT_EQ(trial[0].continuations, trial[1].continuations);
      EXPECT_EQ(trial[0].continuations.size(), 4u);
      for (size_t planted = 0; planted < 2; ++planted) {
        const std::vector<TokenId>& context = trial[planted].context;
        const std::vector<TokenId>& answer = trial[planted].continuations[planted];
        // The answer ends `distance` tokens before the place where it is asked for, and is planted nowhere else.
        const auto end = context.end() - static_cast<long>(distance) + 1;
        EXPECT_TRUE(std::equal(answer.begin(), answer.end(), end - static_cast<long>(answer.size())));
        const std::string text = tokenizer_.Decode(context);
        const std::string name = tokenizer_.Decode(answer);
        EXPECT_NE(text.find(name + ".\n\n"), std::string::npos);
        EXPECT_EQ(text.find(name), text.rfind(name));
        // What is asked is what was said before it.
        const size_t asked = text.rfind("\n\n");
        EXPECT_EQ(text.find(text.substr(asked) + name), shape_.lead);
      }
      EXPECT_NE(trial[0].context, trial[1].context);
    }
  }
  EXPECT_THROW(trials.Make(RecallKind::kFact, 0, 20), Error);
}

TEST_F(RecallTrialsTest, APassageComesAgainAtTheDistance) {
  const RecallTrials trials(documents_, tokenizer_, shape_);
  for (size_t t = 0; t < 12; ++t) {
    for (const size_t distance : {6, 7, 120}) {
      const RecallTrial trial = trials.Make(RecallKind::kPassage, t, distance);
      ASSERT_EQ(trial.size(), 3u);
      const auto whole = [&](size_t i) {
        std::vector<TokenId> ids = trial[i].context;
        ids.insert(ids.end(), trial[i].continuations[0].begin(), trial[i].continuations[0].end());
        return ids;
      };
      const auto planted = whole(0), unplanted = whole(1), first = whole(2);
      EXPECT_EQ(planted.size(), shape_.lead + distance + shape_.passage);
      ASSERT_EQ(unplanted.size(), planted.size());
      for (size_t i = shape_.lead; i < shape_.lead + 6; ++i) {
        EXPECT_EQ(planted[i], planted[i + distance]);
        EXPECT_NE(unplanted[i], planted[i]);
      }
      EXPECT_TRUE(std::equal(planted.begin() + 11, planted.end(), unplanted.begin() + 11));
      EXPECT_EQ(first, std::vector<TokenId>(planted.begin(), planted.begin() + 11));
    }
  }
  EXPECT_THROW(trials.Make(RecallKind::kPassage, 0, 5), Error);
  shape_.max_distance = 400;
  EXPECT_THROW(RecallTrials(documents_, tokenizer_, shape_), Error);
}

TEST(JudgeTrial, FactAndPassage) {
  std::vector<std::vector<ContinuationScore>> scores(2, std::vector<ContinuationScore>(3));
  const double nll[2][3] = {{2.0, 3.0, 2.5}, {2.25, 2.75, 2.5}};
  for (size_t q = 0; q < 2; ++q) {
    for (size_t c = 0; c < 3; ++c) scores[q][c].nll = nll[q][c];
    scores[q][q].sparsity = 0.5 + static_cast<double>(q) / 4;
  }
  const RecallOutcome fact = JudgeTrial(RecallKind::kFact, scores);
  EXPECT_DOUBLE_EQ(fact.planted, (2.0 + 2.75) / 2);
  EXPECT_DOUBLE_EQ(fact.unplanted, (3.0 + 2.25) / 2);
  EXPECT_DOUBLE_EQ(fact.gain(), 0.25);  // what names are likely anyway cancels: (2.25 - 2.0 + 3.0 - 2.75) / 2
  EXPECT_DOUBLE_EQ(fact.right, 0.5);
  EXPECT_DOUBLE_EQ(fact.rank, (1 + 3) / 2.0);
  EXPECT_DOUBLE_EQ(fact.sparsity, 0.625);
  scores[0][2].nll = 2.0;  // no more likely than another one: not right
  EXPECT_DOUBLE_EQ(JudgeTrial(RecallKind::kFact, scores).right, 0);

  std::vector<std::vector<ContinuationScore>> passage(3, std::vector<ContinuationScore>(1));
  for (size_t q = 0; q < 3; ++q) {
    passage[q][0].nll = 4.0 + static_cast<double>(q);
    passage[q][0].token_nll.resize(4);
  }
  const RecallOutcome said = JudgeTrial(RecallKind::kPassage, passage);
  EXPECT_DOUBLE_EQ(said.planted, 1.0);
  EXPECT_DOUBLE_EQ(said.gain(), 0.25);
  EXPECT_DOUBLE_EQ(said.first, 1.5);
}

class RecallTool : public testing::Test {
 protected:
  RecallTool() {
    reference::WriteText(dir_ / "book.txt", Letters(2000, 7));
    model_ = MakeByteModel(dir_, "model", reference::SmallConfig(1, 2, 8, 4, 257, 256));
  }

  Args With(const Args& more) const {
    Args args = {"recall",    "--model", model_,   "--text", dir_ / "book.txt", "--trials", "12",
                 "--passage", "8",       "--lead", "10",     "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  static std::vector<Json> Rows(const Json& document, const std::string& policy) {
    std::vector<Json> rows;
    for (const Json& row : document["rows"]) {
      if (row["policy"] == policy) rows.push_back(row);
    }
    return rows;
  }

  TempDir dir_;
  std::string model_;  // of one layer: what a window has lost reaches nothing
};

// The token that first predicts the passage's second one sees N - 1 tokens back; the first occurrence ends
// distance - passage + 1 tokens before it.
TEST_F(RecallTool, AWindowForgetsExactlyWhereItEnds) {
  const auto json =
      Eval(With({"--kind", "passage", "--distances", "30", "--policy", "window:23", "--policy", "window:24"})).json();
  ASSERT_EQ(json["rows"].size(), 3u);
  EXPECT_NE(Rows(json, "dense")[0]["nll_gain"], 0.0);
  EXPECT_EQ(Rows(json, "dense")[0]["lost"], 0.0);
  EXPECT_EQ(Rows(json, "window:23")[0]["nll_gain"], 0.0);
  EXPECT_EQ(Rows(json, "window:23")[0]["nll_gain_stderr"], 0.0);
  EXPECT_EQ(Rows(json, "window:23")[0]["lost"], Rows(json, "dense")[0]["nll_gain"]);
  EXPECT_NE(Rows(json, "window:24")[0]["nll_gain"], 0.0);
}

TEST_F(RecallTool, RowsHoldWhatTheyShould) {
  const auto json = Eval(With({"--distances", "100,60", "--policy", "learned", "--policy", "h2o:30"})).json();
  ASSERT_EQ(json["rows"].size(), 2u * 2u * 3u);
  EXPECT_EQ(json["chance"], 0.125);
  for (const Json& row : json["rows"]) {
    const bool fact = row["kind"] == "fact";
    EXPECT_EQ(row.contains("accuracy"), fact);
    EXPECT_EQ(row.contains("nll_first"), !fact);
    EXPECT_NEAR(row["nll_gain"], row["nll_unplanted"].get<double>() - row["nll_planted"].get<double>(), 1e-9);
    EXPECT_GT(row["nll_gain_stderr"], 0);
    EXPECT_EQ(row["trials"], 12);
    EXPECT_EQ(row["sparsity"] == 0.0, row["policy"] == "dense");
  }
  EXPECT_EQ(Rows(json, "learned").size(), 4u);
  EXPECT_EQ(json["rows"][0]["distance"], 60);
}

TEST_F(RecallTool, BatchAndThreadsChangeNoNumber) {
  const auto run = [&](const char* batch, const char* threads) {
    return Eval(With({"--distances", "60", "--batch", batch, "--threads", threads})).json();
  };
  EXPECT_EQ(run("1", "1"), run("7", "2"));
}

TEST_F(RecallTool, DistancesThatDoNotFitAreLeftOut) {
  const auto run = Eval(With({"--distances", "60,900", "--kind", "fact", "--policy", "dense"}));
  EXPECT_EQ(run.json()["rows"].size(), 1u);
  EXPECT_EQ(run.err_lines(), 1u);
  EXPECT_NE(run.err.find("900: left out"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("256 positions"), std::string::npos) << run.err;
}

// What a model could run is told by its config: weights are not read for it.
TEST_F(RecallTool, ModelsThatCannotLearnAreNotLoaded) {
  const std::string plain = MakeByteModel(dir_, "plain", reference::SmallConfig(1, 2, 8, 0, 257, 256));
  std::filesystem::remove(plain + "/model.safetensors");
  const auto json = Eval(With({"--model", plain, "--distances", "60", "--kind", "fact"})).json();
  EXPECT_EQ(Rows(json, "learned").size(), 1u);
}

// How often a file is opened while this lives.
class OpenCount {
 public:
  explicit OpenCount(const std::string& file) : events_(inotify_init1(IN_NONBLOCK)) {
    if (events_ < 0 || inotify_add_watch(events_, file.c_str(), IN_OPEN | IN_CLOSE) < 0)
      throw std::runtime_error("inotify");
  }
  ~OpenCount() { close(events_); }

  size_t Read() {
    inotify_event event;
    size_t count = 0;
    // Closing is watched so that no two events alike follow each other, which the system would make one.
    while (read(events_, &event, sizeof event) == static_cast<ssize_t>(sizeof event))
      count += (event.mask & IN_OPEN) != 0;
    return count;
  }

 private:
  int events_;
};

TEST_F(RecallTool, EachModelIsLoadedOnce) {
  const std::string other = MakeByteModel(dir_, "other", reference::SmallConfig(1, 2, 8, 4, 257, 256));
  OpenCount of_control(model_ + "/model.safetensors"), of_other(other + "/model.safetensors");
  Model::Load(model_);
  const size_t once = of_control.Read();
  ASSERT_GT(once, 0u);
  Eval(With({"--model", other, "--distances", "60", "--kind", "fact", "--policy", "window:8", "--policy", "learned",
             "--policy", "h2o:9"}));
  EXPECT_EQ(of_control.Read(), once);
  EXPECT_EQ(of_other.Read(), once);
}

TEST_F(RecallTool, TableAndPlot) {
  Args args = With({"--distances", "60,100", "--plot", dir_ / "recall.svg"});
  std::erase(args, "--json");
  const auto run = Eval(args);
  for (const char* word : {"name or number", "passage", "learned", "dense", "lost against dense"}) {
    EXPECT_NE(run.out.find(word), std::string::npos) << run.out;
  }
  const std::string svg = reference::ReadText(dir_ / "recall.svg");
  EXPECT_NE(svg.find("Right among 8 names or numbers"), std::string::npos);
  EXPECT_NE(svg.find("repeated passage"), std::string::npos);
}

TEST_F(RecallTool, BadInput) {
  const auto refused = [&](const Args& more, const std::vector<std::string>& words) {
    SCOPED_TRACE(testing::PrintToString(more));
    ExpectRefused(RunTool(EvalMain, With(more)), "dcp-eval", words);
  };
  refused({"--distances", "60,x"}, {"--distances", "\"x\""});
  refused({"--distances", "0"}, {"--distances", "\"0\""});
  refused({"--distances", "20", "--kind", "fact"}, {"--distances", "20", "question"});
  refused({"--distances", "4", "--kind", "passage"}, {"--distances", "4", "8 tokens"});
  refused({"--kind", "riddle"}, {"--kind", "riddle", "passage"});
  refused({"--candidates", "1"}, {"--candidates", "1"});
  refused({"--candidates", "21"}, {"--candidates", "21", "20"});
  refused({"--batch", "0"}, {"--batch", "0"});
  refused({"--policy", "lru"}, {"lru"});
  refused({"--policy", "dense", "--threshold", "1"}, {"--threshold", "learned"});
  reference::WriteText(dir_ / "short.txt", "too short");
  ExpectRefused(RunTool(EvalMain, {"recall", "--model", model_, "--text", dir_ / "short.txt"}), "dcp-eval",
                {"9 tokens"});
  ExpectRefused(RunTool(EvalMain, {"recall", "--model", model_}), "dcp-eval", {"--text"});
  ExpectRefused(RunTool(EvalMain, {"recall", "--model", model_, "--text", dir_ / "book.txt", "--trials", "0"}),
                "dcp-eval", {"--trials", "0"});
}

TEST_F(RecallTool, InterruptBeforeTheFirstPolicyIsDone) {
  const auto run = RunTool(EvalMain, With({"--distances", "60"}), {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace dcp::tools
