// dcp-generate, as a whole, against what the code of the method's authors computes.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/reference/checkpoint_maker.h"
#include "tests/reference/golden.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

using reference::GoldenCase;

template <typename Check>
void ForEachCase(const Check& check) {
  const auto folders = reference::GoldenFolders(DCP_SOURCE_DIR);
  ASSERT_GE(folders.size(), 2u);
  for (const auto& folder : folders) {
    for (const GoldenCase& golden : reference::ReadGolden(folder)) {
      SCOPED_TRACE(folder.string() + ", prompt of " + std::to_string(golden.ids.size()));
      check(folder.string(), golden);
    }
  }
}

Json ReadJson(const std::string& path) { return Json::parse(reference::ReadText(path)); }

void ExpectLogits(const Json& logits, const std::vector<double>& expected) {
  ASSERT_EQ(logits.size(), expected.size());
  double scale = 1;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(logits[i].get<double>(), expected[i], 1e-4 * scale) << "id " << i;
  }
}

// As it stood after the prompt: a token of the continuation dropped nothing yet.
std::vector<int32_t> AfterPrompt(const Json& dropped_at, size_t prompt) {
  auto drops = dropped_at.get<std::vector<int32_t>>();
  drops.resize(prompt);
  for (int32_t& drop : drops) {
    if (drop >= static_cast<int32_t>(prompt)) drop = -1;
  }
  return drops;
}

TEST(GenerateGolden, PrunedGeneration) {
  ForEachCase([](const std::string& folder, const GoldenCase& golden) {
    TempDir dir;
    const auto run = Generate({"--model", folder, "--prompt-ids", Join(golden.ids), "--max-new-tokens",
                               std::to_string(golden.greedy_ids.size()), "--ignore-eos", "--json", "--trace",
                               dir / "trace", "--logits", dir / "logits"});
    const Json sequence = run.json()["sequences"][0];
    EXPECT_EQ(sequence["prompt_ids"].get<std::vector<TokenId>>(), golden.ids);
    EXPECT_EQ(sequence["generated_ids"].get<std::vector<TokenId>>(), golden.greedy_ids);
    EXPECT_EQ(sequence["kept"].get<std::vector<std::vector<int32_t>>>(), golden.kept_after_generation);
    EXPECT_EQ(sequence["text"], "");
    EXPECT_EQ(sequence["finish_reason"], "length");
    EXPECT_EQ(run.json()["policy"], "learned");

    const Json trace = ReadJson(dir / "trace")["sequences"][0];
    EXPECT_EQ(trace["ids"].size(), golden.ids.size() + golden.greedy_ids.size() - 1);
    EXPECT_EQ(trace["tokens"], Json::array());
    ASSERT_EQ(trace["layers"].size(), golden.dropped_at.size());
    for (size_t layer = 0; layer < golden.dropped_at.size(); ++layer) {
      EXPECT_EQ(AfterPrompt(trace["layers"][layer]["dropped_at"], golden.ids.size()), golden.dropped_at[layer]);
    }
    ExpectLogits(ReadJson(dir / "logits")["sequences"][0]["prompt_logits"], golden.last_logits);
  });
}

TEST(GenerateGolden, DenseLogits) {
  ForEachCase([](const std::string& folder, const GoldenCase& golden) {
    TempDir dir;
    const auto run = Generate({"--model", folder, "--prompt-ids", Join(golden.ids), "--max-new-tokens", "1", "--policy",
                               "dense", "--json", "--logits", dir / "logits"});
    ExpectLogits(ReadJson(dir / "logits")["sequences"][0]["prompt_logits"], golden.dense_last_logits);
    const Json document = run.json();
    for (const Json& kept : document["sequences"][0]["kept"]) EXPECT_EQ(kept.size(), golden.ids.size());
    EXPECT_EQ(document["stats"]["sparsity"], 0);
  });
}

// All cases of a model as one ragged batch, prefilled in small chunks.
TEST(GenerateGolden, RaggedBatch) {
  for (const auto& folder : reference::GoldenFolders(DCP_SOURCE_DIR)) {
    const auto cases = reference::ReadGolden(folder);
    std::string lines;
    for (const GoldenCase& golden : cases) lines += "{\"prompt_ids\": [" + Join(golden.ids) + "]}\n";
    for (const char* max_batch : {"0", "2"}) {
      SCOPED_TRACE(folder.string() + " max_batch " + max_batch);
      const auto run = Generate({"--model", folder.string(), "--input", "-", "--max-batch", max_batch,
                                 "--max-new-tokens", "24", "--ignore-eos", "--prefill-chunk", "7", "--json"},
                                {.in = lines});
      const Json sequences = run.json()["sequences"];
      ASSERT_EQ(sequences.size(), cases.size());
      for (size_t i = 0; i < cases.size(); ++i) {
        EXPECT_EQ(sequences[i]["generated_ids"].get<std::vector<TokenId>>(), cases[i].greedy_ids);
        EXPECT_EQ(sequences[i]["kept"].get<std::vector<std::vector<int32_t>>>(), cases[i].kept_after_generation);
      }
    }
  }
}

}  // namespace
}  // namespace dcp::tools
