// What the parity tests share: models in a fast and a slow form, everything that can be seen of a sequence, and the one
// definition of "agrees".
#ifndef DCP_TESTS_PARITY_PARITY_HELPERS_H_
#define DCP_TESTS_PARITY_PARITY_HELPERS_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/reference/oracle.h"
#include "tests/reference/random_model.h"

namespace dcp::parity {

// Logits agree when RelativeDifference() is below this.
inline constexpr double kLogitTolerance = 1e-4;
// A decision closer than this may fall either way in float32.
inline constexpr double kDoubtful = 1e-5;

// max |a - b| / max(1, max |b|)
double RelativeDifference(std::span<const float> a, std::span<const double> b);
double RelativeDifference(std::span<const float> a, std::span<const float> b);
double RelativeDifference(std::span<const double> a, std::span<const double> b);

// One row of an oracle's matrix.
std::span<const double> Row(const reference::Matrix& matrix, size_t row);

// -log softmax(logits)[id]
double NegativeLogLikelihood(std::span<const float> logits, TokenId id);

// Index of the largest logit, the lowest among equals.
TokenId Greedy(std::span<const float> logits);

// A policy with its options, by a name that test names can carry.
struct PolicyCase {
  const char* name;
  const char* policy;  // as on the command line
  float threshold = 0;
  int max_kept = 0;
  int delay = 0;  // eviction delay of the model that it runs on, cut to P

  PolicySpec spec() const;
  // A shape with that delay.
  reference::RandomModelOptions On(reference::RandomModelOptions shape) const;
};
std::ostream& operator<<(std::ostream& out, const PolicyCase& policy);

// Every policy, with and without its options. A new policy is one line more here.
const std::vector<PolicyCase>& AllPolicies();

// One for each way in which a chunk of prompt tokens can be decided, and then some.
const std::vector<PolicyCase>& SomePolicies();

// One random model as the fast path and as the oracle see it.
struct TestModel {
  std::shared_ptr<const Model> fast;
  std::unique_ptr<reference::Oracle> oracle;
};
// `weights`: how the fast path holds them; see RandomModelOptions::exact_in.
TestModel MakeTestModel(const reference::RandomModelOptions& options, WeightType weights = WeightType::kF32);

// All that can be seen of one sequence.
struct Trace {
  std::vector<std::vector<float>> logits;            // [T] of [V]; empty where none were asked for
  std::vector<std::vector<int32_t>> kept;            // [L] ascending positions
  std::vector<std::vector<int32_t>> slots;           // [L] positions in slot order
  std::vector<std::vector<int32_t>> dropped_at;      // [L][T]; empty unless the session records drops
  std::vector<std::vector<float>> dropped_by_score;  // [L][T]
  double sparsity = 0;
};

// Fills all but the logits of `trace`.
void Observe(const Session& session, SequenceId sequence, Trace& trace);

// Feeds the first `prefill` ids in one call and the others one by one.
void Feed(Session& session, SequenceId sequence, std::span<const TokenId> ids, size_t prefill, Trace& trace);

// Feed() to a new sequence of a new session, then Observe().
Trace RunAlone(const std::shared_ptr<const Model>& model, ThreadPool& pool, const SessionOptions& options,
               std::span<const TokenId> ids, size_t prefill);

// The first token whose drops differ; the number of tokens where none does.
int FirstDifference(const std::vector<std::vector<int32_t>>& dropped_at,
                    const std::vector<std::vector<int32_t>>& expected);

struct Tolerance {
  double logits = kLogitTolerance;  // relative
  double doubtful = kDoubtful;      // a decision closer than this may differ
};

// Of a model whose weights are exact in `type`. Products with i8 weights round activations to 16 bits: logits and
// scores were up to 3.2e-4 off, over all policies and instruction sets.
Tolerance ToleranceOf(WeightType type);

// Expects drops, kept sets, logits, NLLs, scores and sparsity to be those of the oracle. A difference in drops is
// allowed only from a doubtful decision on, and then ends the comparison; it is printed. Returns true when there was
// none.
bool ExpectAgrees(const Trace& trace, const reference::OracleResult& expected, std::span<const TokenId> ids,
                  const Tolerance& tolerance = {});

// Expects two traces to be equal bit for bit, slots included; rows of logits that either lacks are not compared.
void ExpectIdentical(const Trace& trace, const Trace& expected);

}  // namespace dcp::parity

#endif  // DCP_TESTS_PARITY_PARITY_HELPERS_H_
