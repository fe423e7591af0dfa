// Generation against Hugging Face transformers, token for token: golden files that
// tests/oracle/huggingface_generation.py wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "support/json.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

EarlyStopping EarlyStoppingOf(const Json& value) {
  if (value == "never") return EarlyStopping::kExhaustive;
  return value == true ? EarlyStopping::kAtOnce : EarlyStopping::kHeuristic;
}

GenerateRequest RequestOf(const Json& golden) {
  GenerateRequest request;
  GenerateOptions& options = request.options;
  request.prompt = golden["prompt_ids"].get<std::vector<TokenId>>();
  options.max_new_tokens = golden["max_new_tokens"];
  options.min_new_tokens = golden.value("min_new_tokens", 0);
  options.samples = golden.value("samples", 1);
  options.num_beams = golden.value("num_beams", 1);
  options.length_penalty = golden.value("length_penalty", 1.0f);
  if (golden.contains("early_stopping")) options.early_stopping = EarlyStoppingOf(golden["early_stopping"]);
  if (golden.contains("eos")) {
    options.ignore_eos = true;
    options.stop_ids = golden["eos"].get<std::vector<TokenId>>();
  }
  SamplingOptions& sampling = options.sampling;
  sampling.repetition_penalty = golden.value("repetition_penalty", 1.0f);
  sampling.no_repeat_ngram_size = golden.value("no_repeat_ngram_size", 0);
  sampling.bad_words_ids = golden.value("bad_words_ids", std::vector<std::vector<TokenId>>());
  if (golden.contains("logit_bias")) {
    for (const auto& [id, bias] : golden["logit_bias"].items()) {
      sampling.logit_bias.push_back({std::stoi(id), bias.get<float>()});
    }
  }
  return request;
}

TEST(HuggingFaceGeneration, TokenForToken) {
  const std::string data = DCP_SOURCE_DIR "/tests/data/";
  const Json golden = LoadJsonObject(data + "huggingface/generation.json");
  const auto model = Model::Load(data + "books-tiny");
  ThreadPool pool(2);
  SessionOptions dense;
  dense.policy = MakePolicy(ParsePolicy("dense"));
  Session session(model, pool, dense);
  std::vector<GenerateRequest> requests;
  for (const Json& entry : golden["cases"]) requests.push_back(RequestOf(entry));
  const GenerateResult result = Generate(session, requests, {16, {}});
  std::vector<size_t> made(requests.size());
  size_t beams = 0;
  for (const GeneratedSequence& sequence : result.sequences) {
    const Json& entry = golden["cases"][sequence.request];
    const size_t s = made[sequence.request]++;
    SCOPED_TRACE("case " + std::to_string(sequence.request) + ", sequence " + std::to_string(s) + ": " + entry.dump());
    EXPECT_EQ(sequence.error, "");
    EXPECT_EQ(sequence.generated_ids, entry["generated_ids"][s].get<std::vector<TokenId>>());
    if (!entry.contains("beam_scores")) continue;
    const double score = entry["beam_scores"][s];
    EXPECT_NEAR(sequence.beam_score.value(), score, 1e-4 * std::max(1.0, std::abs(score)));
    ++beams;
  }
  EXPECT_GT(beams, 60u);
}

// Temperature, top-k, top-p, min-p and typical-p one after the other: what is left, and how likely each is drawn.
TEST(HuggingFaceGeneration, FiltersLeaveTheSameTokens) {
  const Json golden = LoadJsonObject(DCP_SOURCE_DIR "/tests/data/huggingface/filters.json");
  size_t filtered = 0;
  for (const Json& entry : golden["cases"]) {
    SCOPED_TRACE(entry.dump());
    SamplingOptions options;
    options.temperature = entry["temperature"];
    options.top_k = entry.value("top_k", 0);
    options.top_p = entry.value("top_p", 1.0f);
    options.min_p = entry.value("min_p", 0.0f);
    options.typical_p = entry.value("typical_p", 1.0f);
    const auto logits = entry["logits"].get<std::vector<float>>();
    const auto expected = entry["probabilities"].get<std::vector<double>>();
    constexpr int kDraws = 6000;
    std::vector<int> counts(logits.size());
    Sampler sampler(options);
    for (uint64_t i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(sampler.Sample(logits, 1, i))];
    for (size_t i = 0; i < counts.size(); ++i) {
      EXPECT_NEAR(counts[i], kDraws * expected[i], 6 * std::sqrt(kDraws * expected[i])) << "token " << i;
      filtered += expected[i] == 0.0;
    }
  }
  EXPECT_GT(filtered, 300u);
}

}  // namespace
}  // namespace dcp
