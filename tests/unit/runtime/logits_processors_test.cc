// Processors and filters against a plain reference - maps, loops, double precision - over random logits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "dcp/logits_processor.h"
#include "dcp/sampler.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::ExpectError;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kVocab = 23;

struct Text {
  std::vector<TokenId> ids;
  size_t prompt_tokens = 0;
  TokenHistory history() const { return {ids, prompt_tokens, 5, 1}; }
};

class RandomTexts {
 public:
  Text Next() {
    Text text;
    const size_t length = 1 + rng_() % 40;
    for (size_t i = 0; i < length; ++i) text.ids.push_back(static_cast<TokenId>(rng_() % kVocab));
    text.prompt_tokens = rng_() % (length + 1);
    return text;
  }
  std::vector<float> Logits() {
    std::normal_distribution<float> normal(0.0f, 3.0f);
    std::vector<float> logits(kVocab);
    for (float& logit : logits) logit = normal(rng_);
    return logits;
  }
  size_t Below(size_t n) { return rng_() % n; }

 private:
  std::mt19937 rng_{11};
};

std::vector<float> Processed(const SamplingOptions& options, const Text& text, std::vector<float> logits) {
  for (const auto& processor : MakeLogitsProcessors(options)) processor->Process(text.history(), logits);
  return logits;
}

// What the options say, said once more.
std::vector<double> Expected(const SamplingOptions& options, const Text& text, const std::vector<float>& logits) {
  std::vector<double> x(logits.begin(), logits.end());
  for (const LogitBias& bias : options.logit_bias) x[bias.id] += bias.bias;
  for (const TokenId id : std::set<TokenId>(text.ids.begin(), text.ids.end())) {
    x[id] = x[id] > 0 ? x[id] / options.repetition_penalty : x[id] * options.repetition_penalty;
  }
  std::map<TokenId, int> made;
  for (size_t i = text.prompt_tokens; i < text.ids.size(); ++i) ++made[text.ids[i]];
  for (const auto& [id, times] : made) x[id] -= options.presence_penalty + options.frequency_penalty * times;
  for (TokenId next = 0; next < kVocab; ++next) {
    std::vector<TokenId> whole = text.ids;
    whole.push_back(next);
    const auto n = static_cast<size_t>(options.no_repeat_ngram_size);
    std::set<std::vector<TokenId>> seen;
    for (size_t i = 0; n > 0 && i + n <= text.ids.size(); ++i) {
      seen.insert({whole.begin() + static_cast<long>(i), whole.begin() + static_cast<long>(i + n)});
    }
    if (n > 0 && whole.size() >= n && seen.count({whole.end() - static_cast<long>(n), whole.end()}) > 0) {
      x[next] = -kInfinity;
    }
    for (const std::vector<TokenId>& word : options.bad_words_ids) {
      if (whole.size() >= word.size() && std::equal(word.rbegin(), word.rend(), whole.rbegin())) x[next] = -kInfinity;
    }
  }
  const size_t at = text.ids.size() - text.prompt_tokens;
  if (at < options.forced_ids.size()) {
    std::fill(x.begin(), x.end(), -kInfinity);
    x[options.forced_ids[at]] = 0;
  }
  return x;
}

TEST(LogitsProcessors, AgreeWithAPlainReference) {
  RandomTexts random;
  size_t banned = 0;
  for (int round = 0; round < 3000; ++round) {
    SamplingOptions options;
    const size_t which = random.Below(64);
    if (which & 1) options.repetition_penalty = 0.5f + 0.25f * static_cast<float>(random.Below(8));
    if (which & 2) options.presence_penalty = 0.5f * static_cast<float>(random.Below(5)) - 1.0f;
    if (which & 2) options.frequency_penalty = 0.25f * static_cast<float>(random.Below(5)) - 0.5f;
    if (which & 4) options.no_repeat_ngram_size = static_cast<int>(1 + random.Below(4));
    if (which & 8) options.logit_bias = {{3, 2.0f}, {static_cast<TokenId>(random.Below(kVocab)), -1.5f}, {3, 0.5f}};
    const Text text = random.Next();
    if (which & 16) {
      options.bad_words_ids = {{static_cast<TokenId>(random.Below(kVocab))}, {text.ids.back(), 4}, {1, 2, 3}};
    }
    if (which == 32) options.forced_ids = {7, 9, 7};
    const std::vector<float> logits = random.Logits();
    const std::vector<float> found = Processed(options, text, logits);
    const std::vector<double> expected = Expected(options, text, logits);
    for (size_t i = 0; i < kVocab; ++i) {
      if (std::isinf(expected[i])) {
        ASSERT_EQ(found[i], -kInfinity) << "round " << round << ", token " << i;
        ++banned;
      } else {
        ASSERT_NEAR(found[i], expected[i], 1e-4) << "round " << round << ", token " << i;
      }
    }
  }
  EXPECT_GT(banned, 1000u);
}

TEST(LogitsProcessors, NothingAskedIsNothingDone) { EXPECT_TRUE(MakeLogitsProcessors(SamplingOptions()).empty()); }

TEST(LogitsProcessors, MinNewTokensHoldsBackTheEnd) {
  const auto processor = MakeMinNewTokensProcessor({2, 5}, 3);
  for (size_t made = 0; made < 6; ++made) {
    std::vector<TokenId> ids(4 + made, 1);
    std::vector<float> logits(8, 1.0f);
    processor->Process({ids, 4, 0, 0}, logits);
    EXPECT_EQ(std::isinf(logits[2]), made < 3) << made;
    EXPECT_EQ(std::isinf(logits[5]), made < 3) << made;
    EXPECT_EQ(logits[0], 1.0f);
  }
}

// The caller's own, the last of all.
TEST(LogitsProcessors, TheListCanBeExtended) {
  class OnlyEven final : public LogitsProcessor {
   public:
    void Process(const TokenHistory& history, std::span<float> logits) const override {
      EXPECT_EQ(logits[4], 9.0f) << "the bias comes first";
      EXPECT_EQ(history.position(), history.ids.size());
      for (size_t i = 1; i < logits.size(); i += 2) logits[i] = -kInfinity;
    }
  };
  SamplingOptions options;
  options.logit_bias = {{4, 8.0f}, {3, 20.0f}};
  options.processors = {std::make_shared<OnlyEven>()};
  Sampler sampler(options);
  const std::vector<TokenId> ids = {1, 2};
  EXPECT_EQ(sampler.Sample(std::vector<float>(6, 1.0f), {ids, 1, 0, 0}), 4);
  ExpectError(ErrorCode::kInvalidArgument, {"tokens before"},
              [&] { sampler.Sample(std::vector<float>(6, 1.0f), 0, 0); });
}

TEST(LogitsProcessors, WhatTheyMayNotLeave) {
  class Spoil final : public LogitsProcessor {
   public:
    explicit Spoil(float with) : with_(with) {}
    void Process(const TokenHistory&, std::span<float> logits) const override {
      std::fill(logits.begin(), logits.end(), with_);
    }

   private:
    float with_;
  };
  const std::vector<TokenId> ids = {1, 2};
  const auto sample = [&](float with) {
    SamplingOptions options;
    options.processors = {std::make_shared<Spoil>(with)};
    return Sampler(options).Sample(std::vector<float>(6, 1.0f), {ids, 1, 0, 0});
  };
  EXPECT_EQ(sample(2.0f), 0);
  ExpectError(ErrorCode::kInvalidArgument, {"logits processor", "NaN"},
              [&] { sample(std::numeric_limits<float>::quiet_NaN()); });
  ExpectError(ErrorCode::kInvalidArgument, {"token 1", "banned"}, [&] { sample(-kInfinity); });
}

// --- filters ---

// Probabilities after temperature and all filters, each said in the plainest way, over what the one before left.
std::vector<double> Filtered(const SamplingOptions& options, const std::vector<float>& logits) {
  std::vector<double> p(logits.size());
  const double largest = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp((logits[i] - largest) / options.temperature);
  const auto normalise = [&] {
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= sum;
  };
  normalise();
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  for (size_t r = 0; options.top_k > 0 && r < order.size(); ++r) {
    if (r >= static_cast<size_t>(options.top_k)) p[order[r]] = 0;
  }
  normalise();
  double before = 0;
  for (const size_t i : order) {
    const double here = p[i];
    if (options.top_p < 1 && before >= options.top_p) p[i] = 0;
    before += here;
  }
  normalise();
  const double most = *std::max_element(p.begin(), p.end());
  for (double& x : p) x = x < options.min_p * most ? 0 : x;
  normalise();
  if (options.typical_p < 1) {
    double entropy = 0;
    for (const double x : p) entropy -= x > 0 ? x * std::log(x) : 0;
    const auto distance = [&](size_t i) { return std::abs(-std::log(p[i]) - entropy); };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return distance(a) < distance(b); });
    double sum = 0;
    std::vector<double> kept(p.size());
    for (const size_t i : order) {
      if (sum >= options.typical_p) break;
      kept[i] = p[i];
      sum += p[i];
    }
    p = kept;
    normalise();
  }
  return p;
}

TEST(SamplerFilters, AgreeWithAPlainReference) {
  RandomTexts random;
  for (int round = 0; round < 60; ++round) {
    SamplingOptions options;
    options.seed = static_cast<uint64_t>(round);
    options.temperature = 0.5f + 0.5f * static_cast<float>(random.Below(4));
    if (random.Below(2)) options.top_k = static_cast<int>(1 + random.Below(kVocab + 3));
    if (random.Below(2)) options.top_p = 0.1f + 0.2f * static_cast<float>(random.Below(5));
    if (random.Below(2)) options.min_p = 0.15f * static_cast<float>(random.Below(4));
    if (random.Below(2)) options.typical_p = 0.1f + 0.2f * static_cast<float>(random.Below(5));
    const std::vector<float> logits = random.Logits();
    const std::vector<double> expected = Filtered(options, logits);
    constexpr int kDraws = 4000;
    std::vector<int> counts(kVocab);
    Sampler sampler(options);
    for (int i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(sampler.Sample(logits, 0, static_cast<uint64_t>(i)))];
    for (size_t i = 0; i < kVocab; ++i) {
      if (expected[i] == 0) {
        EXPECT_EQ(counts[i], 0) << "round " << round << ", token " << i << " is filtered out";
      } else {
        EXPECT_NEAR(counts[i], kDraws * expected[i], 6 * std::sqrt(kDraws * expected[i]) + 3) << round << ": " << i;
      }
    }
  }
}

TEST(SamplerFilters, ExtremeSettingsAreWellDefined) {
  const std::vector<float> logits = {0.5f, -1.0f, 2.0f, 1.0f, -kInfinity, 1.5f};
  const auto drawn = [&](const SamplingOptions& options) {
    Sampler sampler(options);
    std::set<TokenId> ids;
    for (uint64_t i = 0; i < 500; ++i) ids.insert(sampler.Sample(logits, 3, i));
    return ids;
  };
  SamplingOptions options;
  options.temperature = 1e-40f;
  options.typical_p = 1e-6f;
  EXPECT_EQ(drawn(options), std::set<TokenId>{2});
  options.temperature = 1e30f;
  options.typical_p = 1.0f;
  EXPECT_EQ(drawn(options), (std::set<TokenId>{0, 1, 2, 3, 5})) << "not even then what has no probability";
  options.min_p = 1.0f;
  options.temperature = 1.0f;
  EXPECT_EQ(drawn(options), std::set<TokenId>{2}) << "as likely as the likeliest";
  options = SamplingOptions();
  options.temperature = 1.0f;
  options.top_p = 1e-30f;
  options.typical_p = 1e-30f;
  EXPECT_EQ(drawn(options), std::set<TokenId>{2});
}

TEST(SamplingOptions, EveryFieldIsChecked) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refuse = [](const char* field, const auto& set) {
    SamplingOptions options;
    set(options);
    ExpectError(ErrorCode::kInvalidArgument, {field}, [&] { options.Validate(); });
  };
  for (const float bad : {-0.1f, 1.1f, nan}) refuse("min_p", [&](SamplingOptions& o) { o.min_p = bad; });
  for (const float bad : {0.0f, 1.1f, nan}) refuse("typical_p", [&](SamplingOptions& o) { o.typical_p = bad; });
  for (const float bad : {0.0f, -1.0f, nan, kInfinity}) {
    refuse("repetition_penalty", [&](SamplingOptions& o) { o.repetition_penalty = bad; });
  }
  for (const float bad : {nan, kInfinity, -kInfinity}) {
    refuse("presence_penalty", [&](SamplingOptions& o) { o.presence_penalty = bad; });
    refuse("frequency_penalty", [&](SamplingOptions& o) { o.frequency_penalty = bad; });
    refuse("logit_bias of id 3", [&](SamplingOptions& o) { o.logit_bias = {{3, bad}}; });
  }
  refuse("no_repeat_ngram_size", [](SamplingOptions& o) { o.no_repeat_ngram_size = -1; });
  refuse("bad_words_ids", [](SamplingOptions& o) { o.bad_words_ids = {{1}, {}}; });
  refuse("bad_words_ids", [](SamplingOptions& o) { o.bad_words_ids = {{-1}}; });
  refuse("forced_ids", [](SamplingOptions& o) { o.forced_ids = {-2}; });
  refuse("processors", [](SamplingOptions& o) { o.processors = {nullptr}; });
  SamplingOptions options;
  options.logit_bias = {{22, 1.0f}};
  options.CheckVocabulary(kVocab);
  ExpectError(ErrorCode::kInvalidArgument, {"logit_bias", "22", "0..21"}, [&] { options.CheckVocabulary(22); });
}

}  // namespace
}  // namespace dcp
