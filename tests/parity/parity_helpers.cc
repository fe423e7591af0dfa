#include "tests/parity/parity_helpers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>

namespace dcp::parity {
namespace {

template <typename A, typename B>
double RelativeDifferenceOf(std::span<const A> a, std::span<const B> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0;
  double scale = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= difference)) difference = d;  // lets a NaN through
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return difference / scale;
}

// Scores of the drops that both sides agree on, of tokens before `end`.
void ExpectScoresAgree(const Trace& trace, const reference::OracleResult& expected, int end, double tolerance) {
  for (size_t l = 0; l < expected.scores.size(); ++l) {
    for (size_t j = 0; j < trace.dropped_at[l].size(); ++j) {
      const int n = trace.dropped_at[l][j];
      const float score = trace.dropped_by_score[l][j];
      if (n < 0 || n >= end || std::isnan(score)) continue;
      const double exact = expected.scores[l](n - expected.delay, static_cast<Eigen::Index>(j));
      EXPECT_NEAR(score, exact, tolerance * std::max(1.0, std::abs(exact))) << "layer " << l << ", token " << j;
    }
  }
}

void ExpectLogitsAgree(const Trace& trace, const reference::OracleResult& expected, std::span<const TokenId> ids,
                       int end, double tolerance) {
  for (size_t n = 0; n < static_cast<size_t>(end); ++n) {
    if (trace.logits[n].empty()) continue;
    EXPECT_LT(RelativeDifference(trace.logits[n], Row(expected.logits, n)), tolerance) << "logits of token " << n;
    if (n + 1 == ids.size()) continue;
    EXPECT_NEAR(NegativeLogLikelihood(trace.logits[n], ids[n + 1]), expected.nll[n], 2 * tolerance) << "token " << n;
  }
}

}  // namespace

double RelativeDifference(std::span<const float> a, std::span<const double> b) { return RelativeDifferenceOf(a, b); }
double RelativeDifference(std::span<const float> a, std::span<const float> b) { return RelativeDifferenceOf(a, b); }
double RelativeDifference(std::span<const double> a, std::span<const double> b) { return RelativeDifferenceOf(a, b); }

std::span<const double> Row(const reference::Matrix& matrix, size_t row) {
  const auto columns = static_cast<size_t>(matrix.cols());
  return {matrix.data() + row * columns, columns};
}

double NegativeLogLikelihood(std::span<const float> logits, TokenId id) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(id)]);
}

TokenId Greedy(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

PolicySpec PolicyCase::spec() const {
  PolicySpec spec = ParsePolicy(policy);
  spec.threshold = threshold;
  spec.max_kept = max_kept;
  return spec;
}

reference::RandomModelOptions PolicyCase::On(reference::RandomModelOptions shape) const {
  shape.delay = delay;
  return shape;
}

std::ostream& operator<<(std::ostream& out, const PolicyCase& policy) { return out << policy.name; }

const std::vector<PolicyCase>& AllPolicies() {
  static const std::vector<PolicyCase> policies = {
      {"dense", "dense"},
      {"dense_cap9", "dense", 0, 9},
      {"learned", "learned"},
      {"learned_higher", "learned", 0.5f},
      {"learned_lower", "learned", -0.75f},
      {"learned_cap12", "learned", 0, 12},
      {"learned_cap1", "learned", -2.0f, 1},
      {"learned_delay1", "learned", 0, 0, 1},
      {"learned_delay7", "learned", 0, 0, 7},
      {"learned_delay64", "learned", 0, 0, 64},
      {"learned_delay_all", "learned", 0, 0, 1000},
      {"learned_higher_delay7", "learned", 0.5f, 0, 7},
      {"learned_cap12_delay7", "learned", 0, 12, 7},
      {"learned_cap30_delay16", "learned", 0.5f, 30, 16},
      {"learned_cap1_delay3", "learned", 0, 1, 3},
      {"window16", "window:16"},
      {"window16_delay7", "window:16", 0, 0, 7},
      {"window1", "window:1"},
      {"window16_cap5", "window:16", 0, 5},
      {"sinks4_12", "sinks:4,12"},
      {"sinks0_7", "sinks:0,7"},
      {"sinks4_12_cap7", "sinks:4,12", 0, 7},
      {"sinks6_3_cap4", "sinks:6,3", 0, 4},
      {"strided8_5", "strided:8,5"},
      {"strided1_1", "strided:1,1"},
      {"strided8_5_cap11", "strided:8,5", 0, 11},
      {"h2o16", "h2o:16"},
      {"h2o7", "h2o:7"},
      {"h2o2", "h2o:2"},
      {"h2o16_cap5", "h2o:16", 0, 5},
      {"window9_first", "window:9@0"},
      {"window9_first_cap20", "window:9@0", 0, 20},
      {"sinks2_5_then_window16", "sinks:2,5@0+window:16"},
      {"h2o7_then_learned", "h2o:7@0+learned"},
      {"learned_first_delay7", "learned@0+strided:8,5", 0, 0, 7},
  };
  return policies;
}

const std::vector<PolicyCase>& SomePolicies() {
  static const std::vector<PolicyCase> policies = {
      {"dense", "dense"},
      {"learned", "learned"},
      {"learned_cap12", "learned", 0, 12},
      {"sinks4_12", "sinks:4,12"},
      {"strided8_5", "strided:8,5"},
      {"window16_cap5", "window:16", 0, 5},
      {"h2o7", "h2o:7"},
      {"learned_delay7", "learned", 0, 0, 7},
      {"learned_delay40", "learned", 0, 0, 40},
      {"learned_cap12_delay7", "learned", 0, 12, 7},
      {"window9_first", "window:9@0"},
      {"h2o7_then_learned_delay7", "h2o:7@0+learned", 0, 0, 7},
  };
  return policies;
}

TestModel MakeTestModel(const reference::RandomModelOptions& options, WeightType weights) {
  static std::atomic<int> count = 0;
  const std::filesystem::path directory = std::filesystem::temp_directory_path() /
                                          ("dcp-parity-" + std::to_string(getpid()) + "-" + std::to_string(count++));
  reference::WriteRandomModel(options, directory);
  TestModel model;
  ModelOptions model_options;
  model_options.weights = weights;
  model.fast = Model::Load(directory, model_options);
  model.oracle = std::make_unique<reference::Oracle>(Checkpoint::Open(directory));
  std::filesystem::remove_all(directory);
  return model;
}

void Observe(const Session& session, SequenceId sequence, Trace& trace) {
  trace.kept.clear();
  trace.slots.clear();
  trace.dropped_at.clear();
  trace.dropped_by_score.clear();
  for (int l = 0; l < session.cache().layers(); ++l) {
    trace.kept.push_back(session.cache().KeptPositions(l, sequence));
    trace.slots.push_back(session.cache().SlotPositions(l, sequence));
    if (!session.options().record_drops) continue;
    trace.dropped_at.push_back(session.Drops(l, sequence).dropped_at);
    trace.dropped_by_score.push_back(session.Drops(l, sequence).score);
  }
  trace.sparsity = session.cache().Sparsity(sequence);
}

void Feed(Session& session, SequenceId sequence, std::span<const TokenId> ids, size_t prefill, Trace& trace) {
  if (prefill > 0) {
    const FeedItem item{sequence, ids.first(prefill), LogitsMode::kAll};
    const Logits logits = session.Prefill({&item, 1});
    for (size_t t = 0; t < prefill; ++t) trace.logits.emplace_back(logits.row(t).begin(), logits.row(t).end());
  }
  for (size_t t = prefill; t < ids.size(); ++t) {
    const Logits logits = session.Decode({&sequence, 1}, ids.subspan(t, 1));
    trace.logits.emplace_back(logits.row(0).begin(), logits.row(0).end());
  }
}

Trace RunAlone(const std::shared_ptr<const Model>& model, ThreadPool& pool, const SessionOptions& options,
               std::span<const TokenId> ids, size_t prefill) {
  Session session(model, pool, options);
  const SequenceId sequence = session.Add();
  Trace trace;
  Feed(session, sequence, ids, prefill, trace);
  Observe(session, sequence, trace);
  return trace;
}

int FirstDifference(const std::vector<std::vector<int32_t>>& dropped_at,
                    const std::vector<std::vector<int32_t>>& expected) {
  int first = expected.empty() ? 0 : static_cast<int>(expected[0].size());
  if (dropped_at.size() != expected.size()) return 0;
  for (size_t l = 0; l < expected.size(); ++l) {
    if (dropped_at[l].size() != expected[l].size()) return 0;
    for (size_t j = 0; j < expected[l].size(); ++j) {
      if (dropped_at[l][j] == expected[l][j]) continue;
      for (const int32_t n : {dropped_at[l][j], expected[l][j]}) {
        if (n >= 0) first = std::min(first, n);
      }
    }
  }
  return first;
}

Tolerance ToleranceOf(WeightType type) {
  if (type != WeightType::kI8 && type != WeightType::kI4) return {};
  return {1e-3, 1e-3};
}

bool ExpectAgrees(const Trace& trace, const reference::OracleResult& expected, std::span<const TokenId> ids,
                  const Tolerance& tolerance) {
  const int tokens = static_cast<int>(ids.size());
  const int end = FirstDifference(trace.dropped_at, expected.dropped_at);
  const bool same = end == tokens;
  if (same) {
    EXPECT_EQ(trace.kept, expected.kept);
    EXPECT_NEAR(trace.sparsity, expected.sparsity, 1e-12);
  } else {
    const int doubtful = expected.FirstDoubtful(tolerance.doubtful);
    EXPECT_GE(end, doubtful) << "drops differ from token " << end << " on";
    std::cout << "[ doubtful ] drops differ from token " << end << " of " << tokens << " on; token " << doubtful
              << " had a decision closer than " << tolerance.doubtful << "\n";
  }
  ExpectScoresAgree(trace, expected, end, tolerance.logits);
  ExpectLogitsAgree(trace, expected, ids, end, tolerance.logits);
  return same;
}

void ExpectIdentical(const Trace& trace, const Trace& expected) {
  EXPECT_EQ(trace.kept, expected.kept);
  EXPECT_EQ(trace.slots, expected.slots);
  EXPECT_EQ(trace.dropped_at, expected.dropped_at);
  EXPECT_EQ(trace.sparsity, expected.sparsity);
  ASSERT_EQ(trace.logits.size(), expected.logits.size());
  for (size_t t = 0; t < expected.logits.size(); ++t) {
    const std::vector<float>& a = trace.logits[t];
    const std::vector<float>& b = expected.logits[t];
    if (a.empty() || b.empty()) continue;
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0)
        << "logits of token " << t << " differ by " << RelativeDifference(a, std::span<const float>(b));
  }
}

}  // namespace dcp::parity
