// The oracle and the fast path against what the code of the method's authors computes.
#include <gtest/gtest.h>

#include "tests/parity/parity_helpers.h"
#include "tests/reference/golden.h"

namespace dcp::parity {
namespace {

constexpr double kNllTolerance = 1e-4;

// Runs `check(folder, case)` for every case of every golden folder.
template <typename Check>
void ForEachCase(const Check& check) {
  const auto folders = reference::GoldenFolders(DCP_SOURCE_DIR);
  ASSERT_GE(folders.size(), 2u);
  for (const auto& folder : folders) {
    const auto cases = reference::ReadGolden(folder);
    ASSERT_FALSE(cases.empty());
    for (const auto& golden : cases) {
      SCOPED_TRACE(folder.string() + ", prompt of " + std::to_string(golden.ids.size()));
      check(folder, golden);
    }
  }
}

void ExpectNlls(std::span<const double> nll, std::span<const double> expected) {
  ASSERT_EQ(nll.size(), expected.size());
  for (size_t i = 0; i < nll.size(); ++i) EXPECT_NEAR(nll[i], expected[i], kNllTolerance) << "token " << i + 1;
}

std::vector<double> Nlls(const Trace& trace, std::span<const TokenId> ids) {
  std::vector<double> nll;
  for (size_t t = 0; t + 1 < ids.size(); ++t) nll.push_back(NegativeLogLikelihood(trace.logits[t], ids[t + 1]));
  return nll;
}

TEST(GoldenParity, OraclePrompt) {
  ForEachCase([](const std::filesystem::path& folder, const reference::GoldenCase& golden) {
    const reference::Oracle oracle(Checkpoint::Open(folder));
    const size_t last = golden.ids.size() - 1;
    const auto pruned = oracle.Run(golden.ids, ParsePolicy("learned"));
    EXPECT_EQ(pruned.dropped_at, golden.dropped_at);
    ExpectNlls(pruned.nll, golden.nll);
    EXPECT_LT(RelativeDifference(Row(pruned.logits, last), golden.last_logits), kLogitTolerance);

    const auto dense = oracle.Run(golden.ids, ParsePolicy("dense"));
    ExpectNlls(dense.nll, golden.dense_nll);
    EXPECT_LT(RelativeDifference(Row(dense.logits, last), golden.dense_last_logits), kLogitTolerance);
  });
}

TEST(GoldenParity, OracleGeneration) {
  ForEachCase([](const std::filesystem::path& folder, const reference::GoldenCase& golden) {
    const reference::Oracle oracle(Checkpoint::Open(folder));
    std::vector<TokenId> ids = golden.ids;
    ids.insert(ids.end(), golden.greedy_ids.begin(), golden.greedy_ids.end() - 1);
    // Nothing looks ahead, so one run over all ids tells what every prefix of them would give.
    const auto result = oracle.Run(ids, ParsePolicy("learned"));
    EXPECT_EQ(result.kept, golden.kept_after_generation);
    for (size_t i = 0; i < golden.greedy_ids.size(); ++i) {
      Eigen::Index best = 0;
      result.logits.row(static_cast<Eigen::Index>(golden.ids.size() - 1 + i)).maxCoeff(&best);
      EXPECT_EQ(best, golden.greedy_ids[i]) << "generated token " << i;
    }
  });
}

TEST(GoldenParity, SessionPrompt) {
  ThreadPool pool(2);
  ForEachCase([&](const std::filesystem::path& folder, const reference::GoldenCase& golden) {
    const auto model = Model::Load(folder);
    for (const int chunk : {1, 3, 128}) {
      SCOPED_TRACE("chunks of " + std::to_string(chunk));
      SessionOptions options;
      options.policy = MakePolicy(ParsePolicy("learned"));
      options.prefill_chunk = chunk;
      options.record_drops = true;
      const Trace pruned = RunAlone(model, pool, options, golden.ids, golden.ids.size());
      EXPECT_EQ(pruned.dropped_at, golden.dropped_at);
      ExpectNlls(Nlls(pruned, golden.ids), golden.nll);
      EXPECT_LT(RelativeDifference(pruned.logits.back(), golden.last_logits), kLogitTolerance);

      options.policy = MakePolicy(ParsePolicy("dense"));
      const Trace dense = RunAlone(model, pool, options, golden.ids, golden.ids.size());
      ExpectNlls(Nlls(dense, golden.ids), golden.dense_nll);
      EXPECT_LT(RelativeDifference(dense.logits.back(), golden.dense_last_logits), kLogitTolerance);
    }
  });
}

TEST(GoldenParity, Generate) {
  ThreadPool pool(2);
  for (const auto& folder : reference::GoldenFolders(DCP_SOURCE_DIR)) {
    const auto model = Model::Load(folder);
    const auto cases = reference::ReadGolden(folder);
    std::vector<std::vector<TokenId>> prompts;
    for (const auto& golden : cases) prompts.push_back(golden.ids);
    for (const int max_batch : {0, 1, 2}) {
      SCOPED_TRACE(folder.string() + ", batches of " + std::to_string(max_batch));
      Session session(model, pool, {});
      GenerateOptions options;
      options.max_new_tokens = static_cast<int>(cases[0].greedy_ids.size());
      options.ignore_eos = true;
      const GenerateResult result = Generate(session, prompts, options, nullptr, {}, {max_batch, {}});
      ASSERT_EQ(result.sequences.size(), cases.size());
      for (size_t i = 0; i < cases.size(); ++i) {
        EXPECT_EQ(result.sequences[i].generated_ids, cases[i].greedy_ids) << "case " << i;
        EXPECT_EQ(result.sequences[i].kept, cases[i].kept_after_generation) << "case " << i;
      }
    }
  }
}

}  // namespace
}  // namespace dcp::parity
