// The trained model in tests/data/books-tiny: numbers of the code that the method's authors published, and generation
// with the cache against generation without one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/parity/parity_helpers.h"

namespace dcp::parity {
namespace {

const std::filesystem::path kModel = std::filesystem::path(DCP_SOURCE_DIR) / "tests/data/books-tiny";
constexpr int kNewTokens = 200;

struct Expected {
  std::vector<std::vector<TokenId>> ids;  // windows of held-out text
  std::vector<std::vector<double>> learned;
  std::vector<std::vector<double>> dense;
  std::vector<double> kept_share;  // [L] at the last token of a window, mean over windows
  std::vector<TokenId> prompt;
  std::vector<TokenId> generated;
};

const Expected& ReadExpected() {
  static const Expected expected = [] {
    std::ifstream file(std::filesystem::path(DCP_SOURCE_DIR) / "tests/data/books-tiny/expected.json");
    const auto json = nlohmann::json::parse(file);
    Expected e;
    json.at("ids").get_to(e.ids);
    json.at("nll").at("learned").get_to(e.learned);
    json.at("nll").at("dense").get_to(e.dense);
    json.at("kept_share_at_end").get_to(e.kept_share);
    json.at("greedy").at("prompt_ids").get_to(e.prompt);
    json.at("greedy").at("generated_ids").get_to(e.generated);
    return e;
  }();
  return expected;
}

SessionOptions Options(const char* policy) {
  SessionOptions options;
  options.policy = MakePolicy(ParsePolicy(policy));
  options.record_drops = true;
  return options;
}

// Rounded to six decimals in the file.
void ExpectNlls(const Trace& trace, std::span<const TokenId> ids, const std::vector<double>& expected) {
  ASSERT_EQ(expected.size() + 1, ids.size());
  for (size_t t = 0; t < expected.size(); ++t) {
    EXPECT_NEAR(NegativeLogLikelihood(trace.logits[t], ids[t + 1]), expected[t], 1e-4) << "token " << t + 1;
  }
}

TEST(TrainedModel, NllOfHeldOutText) {
  const auto model = Model::Load(kModel);
  ThreadPool pool(1);
  const Expected& expected = ReadExpected();
  ASSERT_EQ(expected.ids.size(), 8u);
  std::vector<double> share(expected.kept_share.size(), 0.0);
  for (size_t w = 0; w < expected.ids.size(); ++w) {
    SCOPED_TRACE("window " + std::to_string(w));
    const auto& ids = expected.ids[w];
    const Trace learned = RunAlone(model, pool, Options("learned"), ids, ids.size());
    ExpectNlls(learned, ids, expected.learned[w]);
    ExpectNlls(RunAlone(model, pool, Options("dense"), ids, ids.size()), ids, expected.dense[w]);
    for (size_t l = 0; l < share.size(); ++l) {
      share[l] += static_cast<double>(learned.kept[l].size()) / static_cast<double>(ids.size() * expected.ids.size());
    }
  }
  for (size_t l = 0; l < share.size(); ++l) EXPECT_NEAR(share[l], expected.kept_share[l], 1e-9) << "layer " << l;
}

TEST(TrainedModel, OracleAgrees) {
  const auto model = Model::Load(kModel);
  const reference::Oracle oracle(Checkpoint::Open(kModel));
  ThreadPool pool(1);
  const Expected& expected = ReadExpected();
  for (const char* policy : {"learned", "h2o:32"}) {
    for (size_t w = 0; w < 2; ++w) {
      SCOPED_TRACE(std::string(policy) + ", window " + std::to_string(w));
      const auto& ids = expected.ids[w];
      ExpectAgrees(RunAlone(model, pool, Options(policy), ids, 128), oracle.Run(ids, ParsePolicy(policy)), ids);
    }
  }
}

TEST(TrainedModel, GreedyContinuation) {
  const auto model = Model::Load(kModel);
  ThreadPool pool(1);
  const Expected& expected = ReadExpected();
  Session session(model, pool, Options("learned"));
  GenerateOptions options;
  options.max_new_tokens = static_cast<int>(expected.generated.size());
  options.ignore_eos = true;
  const std::vector<std::vector<TokenId>> prompts = {expected.prompt};
  EXPECT_EQ(Generate(session, prompts, options).sequences[0].generated_ids, expected.generated);
}

// The largest logit minus the second largest.
double Gap(std::span<const float> logits) {
  std::vector<float> top(logits.begin(), logits.end());
  std::partial_sort(top.begin(), top.begin() + 2, top.end(), std::greater<>());
  return static_cast<double>(top[0]) - static_cast<double>(top[1]);
}

// The logits after `ids`, all of them fed afresh to an empty cache.
std::vector<float> LogitsOfWholePrefix(const std::shared_ptr<const Model>& model, ThreadPool& pool,
                                       std::span<const TokenId> ids) {
  Session session(model, pool, Options("learned"));
  const FeedItem item{session.Add(), ids, LogitsMode::kLast};
  const Logits logits = session.Prefill({&item, 1});
  return {logits.row(0).begin(), logits.row(0).end()};
}

GenerateResult GenerateGreedily(const std::shared_ptr<const Model>& model, ThreadPool& pool,
                                const std::vector<std::vector<TokenId>>& prompts) {
  Session session(model, pool, Options("learned"));
  GenerateOptions options;
  options.max_new_tokens = kNewTokens;
  options.ignore_eos = true;
  return Generate(session, prompts, options);
}

class Generation : public testing::TestWithParam<size_t> {};

TEST_P(Generation, EqualsRerunningTheWholePrefixAtEachStep) {
  const auto model = Model::Load(kModel);
  ThreadPool pool(1);
  std::vector<std::vector<TokenId>> prompts;
  for (const auto& window : ReadExpected().ids) {
    prompts.emplace_back(window.begin(), window.begin() + 7 * static_cast<std::ptrdiff_t>(prompts.size() + 1));
  }
  // All prompts share a batch, although only one is looked at here.
  const auto generated = GenerateGreedily(model, pool, prompts).sequences[GetParam()].generated_ids;
  ASSERT_EQ(generated.size(), static_cast<size_t>(kNewTokens));
  std::vector<TokenId> ids = prompts[GetParam()];
  for (const TokenId id : generated) {
    const std::vector<float> logits = LogitsOfWholePrefix(model, pool, ids);
    if (Greedy(logits) != id) {
      const reference::Oracle oracle(Checkpoint::Open(kModel));
      const auto doubtful = static_cast<size_t>(oracle.Run(ids, ParsePolicy("learned")).FirstDoubtful(kDoubtful));
      std::cout << "[ differs  ] token " << ids.size() << ": gap " << Gap(logits) << ", first doubtful decision at "
                << doubtful << "\n";
      EXPECT_TRUE(Gap(logits) < kDoubtful || doubtful < ids.size());
      return;
    }
    ids.push_back(id);
  }
}

INSTANTIATE_TEST_SUITE_P(TrainedModel, Generation, testing::Range<size_t>(0, 8),
                         [](const auto& test) { return "prompt" + std::to_string(test.param); });

// The same text judged by the oracle: nothing looks ahead, so one run over all of it stands for all its prefixes.
TEST(TrainedModel, CachedGenerationIsGreedyByTheOracle) {
  const auto model = Model::Load(kModel);
  const reference::Oracle oracle(Checkpoint::Open(kModel));
  ThreadPool pool(1);
  std::vector<std::vector<TokenId>> prompts;
  for (const auto& window : ReadExpected().ids) prompts.emplace_back(window.begin() + 100, window.begin() + 150);
  const GenerateResult cached = GenerateGreedily(model, pool, prompts);
  for (size_t i = 0; i < prompts.size(); ++i) {
    SCOPED_TRACE("prompt " + std::to_string(i));
    std::vector<TokenId> ids = prompts[i];
    const auto& generated = cached.sequences[i].generated_ids;
    ids.insert(ids.end(), generated.begin(), generated.end() - 1);
    const auto exact = oracle.Run(ids, ParsePolicy("learned"));
    if (exact.FirstDoubtful(kDoubtful) == static_cast<int>(ids.size())) {
      EXPECT_EQ(cached.sequences[i].kept, exact.kept);
    }
    for (size_t t = prompts[i].size() - 1; t < ids.size(); ++t) {
      const auto row = exact.logits.row(static_cast<Eigen::Index>(t));
      const double behind = row.maxCoeff() - row(generated[t + 1 - prompts[i].size()]);
      if (static_cast<int>(t) >= exact.FirstDoubtful(kDoubtful)) break;
      EXPECT_LT(behind, kDoubtful) << "token " << t + 1;
    }
  }
}

}  // namespace
}  // namespace dcp::parity
