#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "common/json.h"
#include "dcp-finetune/batches.h"
#include "dcp-finetune/bpe_trainer.h"
#include "dcp-finetune/model.h"
#include "dcp-finetune/optimiser.h"
#include "dcp-finetune/schedule.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "io/checkpoint.h"
#include "tests/finetune/run_tool.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

using reference::ReadText;
using reference::WriteText;

// The program in a process of its own - with those that it starts, a process group of their own, as a terminal makes
// one - its output thrown away.
pid_t StartTool(const std::vector<std::string>& args) {
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is ended leaves nobody training
  setsid();
  std::vector<char*> argv = {const_cast<char*>(DCP_FINETUNE_PROGRAM)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  if (freopen("/dev/null", "w", stderr) != nullptr) execv(argv[0], argv.data());
  _exit(127);
}

int WaitFor(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The steps of a run's log, without their times.
std::vector<std::string> Steps(const fs::path& out) {
  std::vector<std::string> steps;
  std::ifstream log(out / "train.jsonl");
  for (std::string line; std::getline(log, line);) {
    tools::Json json = tools::Json::parse(line);
    json.erase("seconds");
    if (json.contains("loss")) steps.push_back(json.dump());
  }
  return steps;
}

// Mean NLL of the held-out text in the trainer's windows (64 tokens, stride 32), computed by the library.
double HeldOutNll(const fs::path& directory, const std::string& policy) {
  const auto model = Model::Load(directory);
  SessionOptions options;
  options.policy = MakePolicy(ParsePolicy(policy));
  ThreadPool pool(1);
  const std::vector<TokenId> ids = Tokenizer::Load(directory).Encode(MakeText(60, 99));
  double nll = 0;
  int64_t scored = 1;
  for (int64_t begin = 0; scored < static_cast<int64_t>(ids.size()); begin += 32) {
    const int64_t end = std::min<int64_t>(begin + 64, ids.size());
    Session session(model, pool, options);
    const FeedItem item{session.Add(), std::span(ids).subspan(begin, end - begin), LogitsMode::kAll};
    const Logits logits = session.Prefill({&item, 1});
    for (int64_t at = scored; at < end; ++at) {
      const std::span<const float> row = logits.row(at - 1 - begin);
      double sum = 0;
      for (const float x : row) sum += std::exp(static_cast<double>(x));
      nll += std::log(sum) - row[ids[at]];
    }
    scored = end;
  }
  return nll / static_cast<double>(ids.size() - 1);
}

// Texts, a tokenizer and a pretrained base, made once.
class TrainingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = fs::temp_directory_path() / ("dcp_finetune_test_" + std::to_string(getpid()));
    fs::create_directories(root_ / "texts");
    for (int i = 0; i < 6; ++i) WriteText(root_ / "texts" / (std::to_string(i) + ".txt"), MakeText(300, i));
    WriteText(root_ / "valid.txt", MakeText(60, 99));
    ASSERT_EQ(RunTool({"--train-tokenizer", "300", "--data", Path("texts"), "--out", Path("tokenizer")}).status, 0);
    WriteText(
        root_ / "config.json",
        R"({"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 64, "vocab_size": 300})");
    std::vector<std::string> args = {
        "--init",     Path("config.json"), "--tokenizer", Path("tokenizer"), "--lr", "1e-2", "--out",
        Path("base"), "--steps",           "30"};
    const Outcome outcome = RunTool(With(args));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  static std::string Path(const std::string& name) { return (root_ / name).string(); }

  static std::vector<std::string> With(std::vector<std::string> args, const std::vector<std::string>& more = {}) {
    for (const std::string& arg : more) args.push_back(arg);
    for (const char* arg : {"--batch", "4", "--threads", "1", "--save-minutes", "0"}) args.push_back(arg);
    for (const std::string& arg : {std::string("--data"), Path("texts"), std::string("--cache"), Path("cache")}) {
      args.push_back(arg);
    }
    args.insert(args.end(), {"--valid", Path("valid.txt")});
    return args;
  }

  static std::vector<std::string> Pruned(const std::string& out, const std::vector<std::string>& more = {}) {
    return With({"--base", Path("base"), "--gamma", "0.5", "--int-dim", "4", "--int-bias", "0.5", "--int-lr", "2e-2",
                 "--lr", "3e-3", "--alpha", "cosine:1:8:8", "--steps", "10", "--out", Path(out)},
                more);
  }

  static std::vector<std::string> Replaced(std::vector<std::string> args, const char* option,
                                           const std::string& value) {
    *(std::find(args.begin(), args.end(), option) + 1) = value;
    return args;
  }

  static fs::path root_;
};

fs::path TrainingTest::root_;

TEST(LearningRateSchedule, RisesStaysAndFallsToZero) {
  LearningRateSchedule schedule;
  schedule.warmup = 4;
  schedule.decay = 3;
  schedule.steps = 10;
  EXPECT_DOUBLE_EQ(schedule.At(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.At(6), 1);
  EXPECT_DOUBLE_EQ(schedule.At(7), 0.75);
  EXPECT_DOUBLE_EQ(schedule.At(9), 0.25);  // one more would be zero
}

TEST(Optimiser, OrthogonaliseBringsSingularValuesNearOne) {
  torch::manual_seed(5);
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{24, 24}, {16, 40}, {40, 16}}) {
    const torch::Tensor result = Orthogonalise(torch::randn({rows, columns}));
    ASSERT_EQ(result.size(0), rows);
    const torch::Tensor singular = std::get<1>(torch::linalg_svd(result, false));
    EXPECT_LT(singular.max().item<float>(), 1.3f);
    // A square random matrix has directions near zero, which five steps do not lift all the way.
    EXPECT_GT(singular.median().item<float>(), 0.6f);
  }
}

TEST_F(TrainingTest, TokenizerReadsBackWhatItLearned) {
  const Tokenizer tokenizer = Tokenizer::Load(Path("tokenizer"));
  EXPECT_EQ(tokenizer.vocab_size(), 300);
  EXPECT_EQ(tokenizer.end_of_text(), 299);
  const std::string text = MakeText(50, 5) + "\xff\x00 \xc3\xa9";
  const std::vector<TokenId> ids = tokenizer.Encode(text);
  EXPECT_EQ(tokenizer.Decode(ids), text);
  EXPECT_LT(ids.size(), text.size() * 3 / 5);
}

TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  // Worked by hand: "ab" 6 times (5 of them before "c"), then "abc" 5 times; after that, nothing twice.
  const std::vector<std::string_view> documents = {"abc", "abc", "abc", "abc", "abc", "abd"};
  ThreadPool pool(2);
  const LearnedBpe bpe = TrainBpe(documents, 1000, pool);
  ASSERT_EQ(bpe.merges.size(), 2u);
  EXPECT_EQ(bpe.tokens[256], "ab");
  EXPECT_EQ(bpe.tokens[257], "abc");
  EXPECT_EQ(bpe.tokens[258], "<|endoftext|>");
}

TEST_F(TrainingTest, StreamCoversEveryTokenOnceAnEpochAndIsRepeatable) {
  const Tokenizer tokenizer = Tokenizer::Load(Path("tokenizer"));
  ThreadPool pool(2);
  const TokenCorpus corpus = TokenCorpus::Open({Path("texts")}, tokenizer, pool, Path("cache"));
  ASSERT_EQ(corpus.documents(), 6u);
  SequenceStream stream(corpus, {0, 1, 2, 3, 4}, 299, 32, 7), again(corpus, {0, 1, 2, 3, 4}, 299, 32, 7);
  const int64_t n = stream.sequences_per_epoch();
  const torch::Tensor first = stream.Read(0, n), second = stream.Read(n, n);
  EXPECT_TRUE(torch::equal(again.Read(n, n), second));  // whatever was read before
  EXPECT_TRUE(torch::equal(again.Read(3, 2), first.slice(0, 3, 5)));
  EXPECT_FALSE(torch::equal(first, second));
  int64_t total = 5;
  for (size_t i = 0; i < 5; ++i) total += corpus.Length(i);
  EXPECT_GT(n * 32, total - 2 * 32 - 1);
  // Sequences overlap by the token that ends one and begins the next: targets hold every token of the stretch once.
  const int64_t ends = first.slice(1, 1).eq(299).sum().item<int64_t>();
  EXPECT_GE(ends, 3);
  EXPECT_LE(ends, 5);
}

TEST_F(TrainingTest, LearnsAndSavesAModelThatInferenceAgreesWith) {
  const Outcome outcome = RunTool(Pruned("pruned", {"--json", "--seed", "3"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const tools::Json report = tools::Json::parse(outcome.out);
  EXPECT_LT(report["dense"]["perplexity"].get<double>(), 100);  // of 300 tokens
  const double sparsity = report["pruned"]["sparsity"];
  EXPECT_GT(sparsity, 0.02);
  EXPECT_LT(sparsity, 1);
  EXPECT_NEAR(HeldOutNll(Path("pruned"), "learned"), report["pruned"]["nll"].get<double>(), 1e-4);
}

TEST_F(TrainingTest, DelayedEvictionIsThatOfInference) {
  const Outcome outcome = RunTool(Pruned("delayed", {"--json", "--seed", "3", "--eviction-delay", "5"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const tools::Json pruned = tools::Json::parse(outcome.out)["pruned"];
  EXPECT_GT(pruned["sparsity"], 0.02);
  EXPECT_EQ(Model::Load(Path("delayed"))->config().eviction_delay, 5);
  EXPECT_NEAR(HeldOutNll(Path("delayed"), "learned"), pruned["nll"].get<double>(), 1e-4);
}

TEST_F(TrainingTest, MaskIsThePolicyOfInference) {
  for (const std::string policy : {"strided:3,8", "window:5@1", "window:5@1+sinks:2,9"}) {
    SCOPED_TRACE(policy);
    const Outcome outcome = RunTool(With(
        {"--base", Path("base"), "--mask", policy, "--out", Path("masked"), "--steps", "2", "--json", "--overwrite"}));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const tools::Json report = tools::Json::parse(outcome.out);
    const double masked = report["masked"]["nll"];
    EXPECT_NEAR(HeldOutNll(Path("masked"), policy), masked, 1e-4);
    EXPECT_GT(std::abs(masked - report["dense"]["nll"].get<double>()), 1e-3);
  }
}

TEST(SparsityLoss, EachLayerMayHaveItsGamma) {
  torch::manual_seed(7);
  const std::vector<torch::Tensor> kept = {torch::rand({2, 9}) * 3, torch::rand({2, 9})};
  const double whole = SparsityLoss(kept).item<double>(), first = SparsityLoss({kept[0]}).item<double>();
  const auto loss = [&](std::vector<double> gamma) { return WeightedSparsityLoss(kept, gamma).item<double>(); };
  EXPECT_NEAR(loss({0.3}), 0.3 * whole, 1e-7);
  EXPECT_NEAR(loss({0.3, 0.3}), 0.3 * whole, 1e-7);
  EXPECT_NEAR(loss({0.8, 0}), 0.4 * first, 1e-7);
}

std::vector<float> ReadTensor(const Checkpoint& checkpoint, const std::string& name, std::vector<int64_t> shape) {
  return checkpoint.Read(name, shape);
}

TEST_F(TrainingTest, EachLayerMayHaveItsBeta) {
  std::vector<std::string> args = Pruned("betas");
  for (const auto& [option, value] : {std::pair{"--gamma", "0.5,0.1"},
                                      {"--int-bias", "1.5,-0.25"},
                                      {"--steps", "1"},
                                      {"--lr", "0"},
                                      {"--int-lr", "0"}}) {
    args = Replaced(args, option, value);
  }
  const Outcome outcome = RunTool(args);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Checkpoint written = Checkpoint::Open(Path("betas"));
  EXPECT_EQ(ReadTensor(written, "h.0.attn.int_bias", {1}), std::vector<float>{1.5f});
  EXPECT_EQ(ReadTensor(written, "h.1.attn.int_bias", {1}), std::vector<float>{-0.25f});
}

TEST_F(TrainingTest, NewPositionsBeginAsTheOldOnes) {
  const Outcome outcome = RunTool(With(
      {"--base", Path("base"), "--positions", "150", "--steps", "1", "--lr", "0", "--out", Path("longer"), "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Checkpoint base = Checkpoint::Open(Path("base")), longer = Checkpoint::Open(Path("longer"));
  ASSERT_EQ(longer.config().n_positions, 150);
  const std::vector<float> before = ReadTensor(base, "wpe.weight", {64, 16});
  const std::vector<float> after = ReadTensor(longer, "wpe.weight", {150, 16});
  for (size_t i = 0; i < after.size(); ++i) ASSERT_EQ(after[i], before[i % before.size()]) << i;
}

TEST_F(TrainingTest, MuonLearns) {
  const Outcome outcome = RunTool(With({"--init", Path("config.json"), "--tokenizer", Path("tokenizer"), "--muon",
                                        "--lr", "1e-2", "--steps", "20", "--out", Path("muon"), "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_LT(tools::Json::parse(outcome.out)["dense"]["perplexity"].get<double>(), 60);  // of 300 tokens
}

TEST_F(TrainingTest, ResumesExactlyAfterSigkill) {
  ASSERT_EQ(RunTool(Pruned("whole")).status, 0);
  const pid_t child = StartTool(Pruned("killed", {"--save-every", "2"}));
  for (int i = 0; i < 120000 && !fs::exists(Path("killed/train_state.safetensors")); ++i) usleep(500);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  const Outcome resumed = RunTool(Pruned("killed", {"--resume"}));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(Steps(Path("whole")).size(), 10u);
  EXPECT_EQ(Steps(Path("whole")), Steps(Path("killed")));
  EXPECT_EQ(ReadText(Path("whole/model.safetensors")), ReadText(Path("killed/model.safetensors")));
}

TEST_F(TrainingTest, AccumulatedBatchesAreOneBatch) {
  ASSERT_EQ(RunTool(With({"--base", Path("base"), "--out", Path("whole_batch"), "--steps", "3"})).status, 0);
  const std::vector<std::string> args =
      With({"--base", Path("base"), "--out", Path("two_halves"), "--steps", "3", "--accumulate", "2"});
  ASSERT_EQ(RunTool(Replaced(args, "--batch", "2")).status, 0);
  const std::vector<std::string> whole = Steps(Path("whole_batch")), halves = Steps(Path("two_halves"));
  for (size_t i = 0; i < 3; ++i) {
    const double expected = tools::Json::parse(whole[i])["loss"];
    EXPECT_NEAR(tools::Json::parse(halves[i])["loss"].get<double>(), expected, 1e-5 * expected);
  }
}

TEST_F(TrainingTest, AdapterHoldsOnlyInteractionTensorsAndLeavesTheBase) {
  const Outcome outcome = RunTool(Pruned("adapter", {"--freeze-base", "--adapter-only", "--distill", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_FALSE(fs::exists(Path("adapter/model.safetensors")));
  ModelOptions options;
  options.adapter = Path("adapter");
  EXPECT_EQ(Model::Load(Path("base"), options)->config().int_n_embd, 4);
  EXPECT_LT(fs::file_size(Path("adapter/adapter.safetensors")), 4000u);
}

TEST_F(TrainingTest, TeacherIsAModelOfTheSameTokens) {
  const std::vector<std::string> one_step = {"--distill", "--steps", "1", "--out", Path("student"), "--overwrite"};
  const auto loss_under = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = With({"--base", Path("base")}, one_step);
    args.insert(args.end(), more.begin(), more.end());
    EXPECT_EQ(RunTool(args).status, 0);
    return tools::Json::parse(Steps(Path("student")).front())["loss"].get<double>();
  };
  ASSERT_EQ(RunTool(With({"--base", Path("base"), "--out", Path("teacher"), "--steps", "5", "--lr", "3e-3"})).status,
            0);
  EXPECT_NEAR(loss_under({}), 0, 1e-6);  // the base is its own teacher
  const double divergence = loss_under({"--teacher", Path("teacher")});
  EXPECT_GT(divergence, 1e-3);
  const double text = loss_under({"--distill-share", "0"});
  EXPECT_NEAR(loss_under({"--teacher", Path("teacher"), "--distill-share", "0.25"}), 0.25 * divergence + 0.75 * text,
              1e-5);
}

#ifdef DCP_FINETUNE_GLOO
TEST_F(TrainingTest, TwoProcessesEqualOne) {
  ASSERT_EQ(RunTool(Pruned("one")).status, 0);
  const std::vector<std::string> group = {"--world-size", "2", "--rendezvous", Path("rendezvous")};
  const auto ranked = [&](const char* rank, const char* out) {
    std::vector<std::string> args = Pruned(out, group);
    args.insert(args.end(), {"--rank", rank});
    return args;
  };
  const pid_t child = StartTool(ranked("1", "rank1"));
  const Outcome outcome = RunTool(ranked("0", "rank0"));
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const std::vector<std::string> one = Steps(Path("one")), two = Steps(Path("rank0"));
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) {
    const tools::Json a = tools::Json::parse(one[i]), b = tools::Json::parse(two[i]);
    EXPECT_NEAR(b["loss"].get<double>(), a["loss"].get<double>(), 1e-4) << "step " << i;
    EXPECT_NEAR(b["r_sparse"].get<double>(), a["r_sparse"].get<double>(), 1e-3) << "step " << i;
  }
}

// A port that is free now.
int FreePort() {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(descriptor);
  return ntohs(address.sin_port);
}

// Variables of the environment while it lives.
class Environment {
 public:
  void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    names_.push_back(name);
  }
  ~Environment() {
    for (const std::string& name : names_) unsetenv(name.c_str());
  }

 private:
  std::vector<std::string> names_;
};

TEST_F(TrainingTest, ProcessesThatTorchrunWouldStartEqualOne) {
  ASSERT_EQ(RunTool(Pruned("one")).status, 0);
  pid_t child = 0;
  Outcome outcome;
  {
    Environment environment;
    environment.Set("WORLD_SIZE", "2");
    environment.Set("MASTER_ADDR", "127.0.0.1");
    environment.Set("MASTER_PORT", std::to_string(FreePort()));
    environment.Set("RANK", "1");
    environment.Set("LOCAL_RANK", "1");
    child = StartTool(Pruned("rank1"));
    environment.Set("RANK", "0");
    environment.Set("LOCAL_RANK", "0");
    outcome = RunTool(Pruned("rank0"));
  }
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(WaitFor(child), 0);
  EXPECT_FALSE(fs::exists(Path("rank1/model.safetensors"))) << "the first process alone writes";
  const std::vector<std::string> one = Steps(Path("one")), two = Steps(Path("rank0"));
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(tools::Json::parse(two[i])["loss"].get<double>(), tools::Json::parse(one[i])["loss"].get<double>(),
                1e-4);
  }
}

TEST_F(TrainingTest, AnEnvironmentThatLacksSomethingSaysWhat) {
  Environment environment;
  environment.Set("WORLD_SIZE", "2");
  const auto expect_error = [&](const std::string& part) {
    const Outcome outcome = RunTool(Pruned("none"));
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  };
  expect_error("RANK is not set, but WORLD_SIZE is 2");
  environment.Set("RANK", "2");
  expect_error("RANK is \"2\", expected 0 to 1");
  environment.Set("RANK", "1");
  expect_error("MASTER_ADDR is not set");
  environment.Set("MASTER_ADDR", "127.0.0.1");
  environment.Set("MASTER_PORT", "http");
  expect_error("MASTER_PORT is \"http\", expected 1 to 65534");
}

TEST_F(TrainingTest, ProcessesStartedByOneCommandEqualOneProcess) {
  ASSERT_EQ(RunTool(Pruned("single")).status, 0);
  EXPECT_EQ(WaitFor(StartTool(Pruned("launched", {"--processes", "2"}))), 0);
  const std::vector<std::string> one = Steps(Path("single")), two = Steps(Path("launched"));
  ASSERT_EQ(one.size(), two.size());
  const tools::Json a = tools::Json::parse(one.back()), b = tools::Json::parse(two.back());
  EXPECT_NEAR(b["loss"].get<double>(), a["loss"].get<double>(), 1e-4);
}

// Processes in a process group.
int GroupSize(pid_t group) {
  int size = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    std::string stat;  // "id (name) state parent group ..."; of a process that is just gone, nothing
    std::getline(std::ifstream(entry.path() / "stat"), stat);
    const size_t name_end = stat.rfind(')');
    int of = 0;
    if (name_end != std::string::npos && std::sscanf(stat.c_str() + name_end, ") %*c %*d %d", &of) == 1) {
      size += of == group;
    }
  }
  return size;
}

// Signals as a terminal sends them, to the launcher and all its processes at once, and other ways to ask for an end.
class InterruptedGroup : public TrainingTest {
 protected:
  static std::vector<std::string> Args(const std::string& out, size_t steps, const std::vector<std::string>& more) {
    std::vector<std::string> args = Replaced(Pruned(out, {"--processes", "2"}), "--steps", std::to_string(steps));
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  // Starts a run without an end, waits for `moment`, asks for the end by `signal`, and looks at what is left; then goes
  // on for two steps.
  static void Interrupt(const std::string& out, const std::vector<std::string>& more,
                        const std::function<bool(pid_t launcher)>& moment,
                        const std::function<void(pid_t launcher)>& signal) {
    SCOPED_TRACE(out);
    const pid_t launcher = StartTool(Args(out, 100000, more));
    for (int i = 0; i < 300000 && !moment(launcher); ++i) usleep(200);
    signal(launcher);
    EXPECT_EQ(WaitFor(launcher), 130);
    EXPECT_EQ(GroupSize(launcher), 0) << "left behind";
    const size_t finished = Steps(Path(out)).size();
    ASSERT_GE(finished, 1u);
    ASSERT_TRUE(fs::exists(Path(out) + "/train_state.safetensors"));
    ASSERT_EQ(WaitFor(StartTool(Args(out, finished + 2, {"--resume", "--eval-every", "0"}))), 0);
    EXPECT_EQ(Steps(Path(out)), Uninterrupted(finished + 2));
  }

  // The first steps of a run that nobody interrupts.
  static std::vector<std::string> Uninterrupted(size_t steps) {
    const std::string out = "uninterrupted";
    if (Steps(Path(out)).size() < steps) {
      EXPECT_EQ(WaitFor(StartTool(Args(out, steps + 20, {"--resume", "--eval-every", "0"}))), 0);
    }
    std::vector<std::string> all = Steps(Path(out));
    all.resize(steps);
    return all;
  }
};

TEST_F(InterruptedGroup, SavesAndGoesOnExactly) {
  const auto to_all = [](int signal) { return [signal](pid_t launcher) { kill(-launcher, signal); }; };
  const auto steps = [](const std::string& out, size_t count) {
    return [out, count](pid_t) { return Steps(Path(out)).size() >= count; };
  };
  const auto processes = [](pid_t launcher) { return GroupSize(launcher) == 3; };
  const auto saving = [](pid_t) {
    if (!fs::exists(Path("save"))) return false;
    const fs::directory_iterator files(Path("save"));
    return std::any_of(begin(files), end(files), [](const fs::directory_entry& file) {
      return file.path().filename().string().find(".safetensors.") != std::string::npos;
    });
  };
  const std::vector<std::string> only_steps = {"--save-every", "0", "--eval-every", "0"};
  Interrupt("start", only_steps, processes, to_all(SIGINT));
  Interrupt(
      "first", only_steps, [](pid_t) { return fs::exists(Path("first")); }, to_all(SIGTERM));
  Interrupt("step", only_steps, steps("step", 3), to_all(SIGINT));
  Interrupt("evaluation", {"--eval-every", "1", "--eval-windows", "0"}, steps("evaluation", 2), to_all(SIGINT));
  Interrupt("save", {"--save-every", "1", "--eval-every", "0"}, saving, to_all(SIGINT));
  Interrupt("twice", only_steps, steps("twice", 3), [](pid_t launcher) {
    kill(-launcher, SIGINT);
    usleep(30000);
    kill(-launcher, SIGINT);
  });
  Interrupt("launcher", only_steps, steps("launcher", 2), [](pid_t launcher) {
    kill(launcher, SIGINT);
    usleep(30000);
    kill(launcher, SIGTERM);
  });
}
#endif

// Nothing is read or written before all is checked.
TEST_F(TrainingTest, BadUsageIsOneClearLine) {
  WriteText(Path("a_file"), "x");
  fs::create_directories(Path("other_tokens"));
  ASSERT_EQ(RunTool({"--train-tokenizer", "310", "--data", Path("texts"), "--out", Path("other_tokens")}).status, 0);
  const std::vector<std::vector<std::string>> wrong = {
      {"--data", "x"},
      Pruned("bad", {"--dense"}),
      Pruned("bad", {"--alpha", "cosine:1:8"}),
      Pruned("bad", {"--alpha", "cosine:1:8:10x"}),
      Pruned("bad", {"--alpha", "constant:0.5"}),
      Pruned("bad", {"--context", "65"}),
      Pruned("bad", {"--mask", "window:4"}),
      With({"--base", Path("base"), "--out", Path("bad"), "--mask", "window:4@2"}),
      With({"--base", Path("base"), "--out", Path("bad"), "--mask", "dense"}),
      With({"--base", Path("base"), "--out", Path("bad"), "--positions", "63"}),
      Replaced(Pruned("bad"), "--gamma", "0.1,0.2,0.3"),
      Replaced(Pruned("bad"), "--int-bias", "1,2,3"),
      With({"--base", Path("base"), "--out", Path("bad"), "--mask", "h2o:8"}),
      Pruned("bad", {"--decay", "3", "--lr-schedule", "cosine"}),
      Pruned("bad", {"--adapter-only"}),
      Pruned("base"),
      Pruned("bad", {"--world-size", "3", "--rendezvous", "x"}),
      Pruned("bad", {"--processes", "3"}),
      Pruned("bad", {"--device", "tpu"}),
      Pruned("bad", {"--dtype", "i8"}),
      Pruned("bad", {"--tokenizer", Path("other_tokens")}),
      Pruned("bad", {"--distill", "--teacher", Path("nowhere")}),
      Pruned("bad", {"--adapter", Path("nowhere")}),
      Pruned("a_file/bad"),
      Pruned("bad", {"--valid", Path("nowhere.txt")})};
  for (const std::vector<std::string>& args : wrong) {
    const Outcome outcome = RunTool(args);
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_FALSE(fs::exists(Path("bad"))) << outcome.err;
  }
}

TEST_F(TrainingTest, StateOfAnotherModelIsRefusedAndOneOfMoreStepsIsKept) {
  ASSERT_EQ(RunTool(Pruned("grown")).status, 0);
  const std::string state = ReadText(Path("grown/train_state.safetensors"));
  const std::vector<std::string> again = Pruned("grown", {"--resume"});
  const Outcome other = RunTool(Replaced(again, "--int-dim", "5"));
  EXPECT_EQ(other.status, 2) << other.err;
  EXPECT_NE(other.err.find("train_state.safetensors"), std::string::npos) << other.err;
  EXPECT_EQ(RunTool(Replaced(again, "--steps", "4")).status, 0);
  EXPECT_EQ(ReadText(Path("grown/train_state.safetensors")), state);
  EXPECT_EQ(Steps(Path("grown")).size(), 10u);
}

TEST_F(TrainingTest, BrokenTokenFileIsMadeAgain) {
  const Tokenizer tokenizer = Tokenizer::Load(Path("tokenizer"));
  ThreadPool pool(1);
  const auto open = [&] { return TokenCorpus::Open({Path("valid.txt")}, tokenizer, pool, Path("broken")); };
  const int64_t tokens = open().total();
  const fs::path file = fs::directory_iterator(Path("broken"))->path();
  const std::string whole = ReadText(file);
  const auto with_word = [&](size_t at, uint64_t word) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + at, &word, sizeof word);
    return bytes;
  };
  // Magic, bytes of an id, documents, offsets: the third as a count whose table would have no bytes.
  for (const std::string& bytes :
       {with_word(16, (uint64_t{1} << 61) - 1), with_word(16, ~uint64_t{0}), with_word(16, uint64_t{1} << 40),
        with_word(8, 0), with_word(24, 7), with_word(32, ~uint64_t{0} / 2), whole.substr(0, 20), whole + "x"}) {
    WriteText(file, bytes);
    EXPECT_EQ(open().total(), tokens);
    EXPECT_EQ(ReadText(file), whole);
  }
}

}  // namespace
}  // namespace dcp::finetune
