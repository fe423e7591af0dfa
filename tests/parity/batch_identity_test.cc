// What a sequence computes depends on its own tokens alone, bit for bit: not on its batch mates, not on the number of
// threads, not on having been cloned, or saved and restored.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <tuple>

#include "tests/parity/parity_helpers.h"

namespace dcp::parity {
namespace {

using reference::RandomModelOptions;

// How one sequence is fed: two prefills (the second may be empty), then one token at a time.
struct Plan {
  std::vector<TokenId> ids;
  size_t first = 0;
  size_t second = 0;

  size_t prompt() const { return first + second; }
};

std::vector<Plan> MakePlans(const RandomModelOptions& shape) {
  std::vector<Plan> plans;
  const std::vector<std::pair<size_t, size_t>> prompts = {{1, 0}, {40, 0}, {7, 20}, {3, 3}, {64, 11}, {17, 0}, {33, 1}};
  for (const auto& [first, second] : prompts) {
    const int total = std::min<int>(shape.positions, static_cast<int>(first + second + 6 + 5 * plans.size()));
    plans.push_back({reference::RandomIds(total, shape.vocab, 100 + plans.size()), first, second});
  }
  return plans;
}

SessionOptions Options(const PolicyCase& policy, KvType kv_type) {
  SessionOptions options;
  options.policy = MakePolicy(policy.spec());
  options.kv_type = kv_type;
  options.prefill_chunk = 16;
  options.max_rows = 40;  // so that passes hold chunks of several sequences, and not always the same
  options.record_drops = true;
  return options;
}

void Append(const Logits& logits, size_t first_row, size_t rows, Trace& trace) {
  for (size_t i = 0; i < rows; ++i) {
    const auto row = logits.row(first_row + i);
    trace.logits.emplace_back(row.begin(), row.end());
  }
}

Trace RunPlanAlone(const std::shared_ptr<const Model>& model, const SessionOptions& options, const Plan& plan) {
  ThreadPool pool(1);
  Session session(model, pool, options);
  const SequenceId sequence = session.Add();
  const std::span<const TokenId> ids(plan.ids);
  Trace trace;
  Feed(session, sequence, ids.first(plan.first), plan.first, trace);
  if (plan.second > 0) Feed(session, sequence, ids.subspan(plan.first, plan.second), plan.second, trace);
  Feed(session, sequence, ids.subspan(plan.prompt()), 0, trace);
  Observe(session, sequence, trace);
  return trace;
}

// Runs plans many at a time in one session; each step does what a seeded draw says.
class RaggedBatch {
 public:
  RaggedBatch(const std::shared_ptr<const Model>& model, ThreadPool& pool, const SessionOptions& options,
              const std::vector<Plan>& plans, uint64_t seed)
      : session_(model, pool, options), plans_(plans), random_(seed) {}

  // Runs every plan, and clones made on the way, to its end and compares with `expected`.
  void RunAndCompare(const std::vector<Trace>& expected) {
    size_t joined = 0;
    size_t clones = 0;
    while (joined < plans_.size() || !active_.empty()) {
      if (joined < plans_.size() && (active_.empty() || Draw(3) == 0))
        active_.push_back({session_.Add(), joined++, {}});
      Prefill();
      Decode();
      if (clones < 3 && !active_.empty() && Draw(4) == 0) {
        Active copy = active_[Draw(active_.size())];
        copy.sequence = session_.Clone(copy.sequence);
        active_.push_back(copy);
        ++clones;
      }
      FinishThoseDone(expected);
    }
    EXPECT_EQ(session_.cache().Stats().kept_slots, 0);
    EXPECT_EQ(session_.cache().Stats().pages_in_use, 0u);
  }

 private:
  struct Active {
    SequenceId sequence = 0;
    size_t plan = 0;
    Trace trace;
  };

  size_t Draw(size_t below) { return static_cast<size_t>(random_() % below); }

  // The ids that the next prefill of a sequence takes: none once its prompt is done.
  std::span<const TokenId> NextPrefill(const Active& active) const {
    const Plan& plan = plans_[active.plan];
    const size_t fed = active.trace.logits.size();
    const std::span<const TokenId> ids(plan.ids);
    if (fed == 0) return ids.first(plan.first);
    return fed < plan.prompt() ? ids.subspan(fed, plan.second) : ids.first(0);
  }

  void Prefill() {
    std::vector<FeedItem> items;
    std::vector<Active*> fed;
    for (Active& active : active_) {
      const auto ids = NextPrefill(active);
      if (ids.empty() || Draw(3) == 0) continue;
      items.push_back({active.sequence, ids, static_cast<LogitsMode>(Draw(3))});
      fed.push_back(&active);
    }
    if (items.empty()) return;
    const Logits logits = session_.Prefill(items);
    size_t row = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      const size_t tokens = items[i].tokens.size();
      const size_t rows = items[i].logits == LogitsMode::kAll ? tokens : items[i].logits == LogitsMode::kLast ? 1 : 0;
      fed[i]->trace.logits.resize(fed[i]->trace.logits.size() + tokens - rows);
      Append(logits, row, rows, fed[i]->trace);
      row += rows;
    }
    EXPECT_EQ(logits.rows(), row);
  }

  void Decode() {
    std::vector<SequenceId> sequences;
    std::vector<TokenId> tokens;
    std::vector<Active*> fed;
    std::shuffle(active_.begin(), active_.end(), random_);
    for (Active& active : active_) {
      const Plan& plan = plans_[active.plan];
      const size_t seen = active.trace.logits.size();
      if (seen < plan.prompt() || seen == plan.ids.size() || Draw(4) == 0) continue;
      sequences.push_back(active.sequence);
      tokens.push_back(plan.ids[seen]);
      fed.push_back(&active);
    }
    if (sequences.empty()) return;
    const Logits logits = session_.Decode(sequences, tokens);
    ASSERT_EQ(logits.rows(), sequences.size());
    for (size_t i = 0; i < fed.size(); ++i) Append(logits, i, 1, fed[i]->trace);
  }

  void FinishThoseDone(const std::vector<Trace>& expected) {
    for (size_t i = 0; i < active_.size();) {
      Active& active = active_[i];
      if (active.trace.logits.size() < plans_[active.plan].ids.size()) {
        ++i;
        continue;
      }
      SCOPED_TRACE("plan " + std::to_string(active.plan));
      Observe(session_, active.sequence, active.trace);
      ExpectIdentical(active.trace, expected[active.plan]);
      session_.Finish(active.sequence);
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  Session session_;
  const std::vector<Plan>& plans_;
  std::mt19937_64 random_;
  std::vector<Active> active_;
};

struct Types {
  const char* name;
  WeightType weights;
  KvType kv;
};
std::ostream& operator<<(std::ostream& out, const Types& types) { return out << types.name; }

const Types kTypes[] = {{"f32", WeightType::kF32, KvType::kF32},      {"bf16", WeightType::kBF16, KvType::kF32},
                        {"f16", WeightType::kF16, KvType::kF32},      {"i8", WeightType::kI8, KvType::kF32},
                        {"f32_kv16", WeightType::kF32, KvType::kF16}, {"i8_kv16", WeightType::kI8, KvType::kF16},
                        {"f16_kv8", WeightType::kF16, KvType::kI8},   {"i4", WeightType::kI4, KvType::kF32}};

RandomModelOptions Shape() { return {3, 3, 11, 7, 149, 110, 51}; }

class BatchIdentity : public testing::TestWithParam<std::tuple<Types, PolicyCase>> {};

TEST_P(BatchIdentity, RaggedBatchesEqualOneAlone) {
  const auto& [types, policy] = GetParam();
  const RandomModelOptions shape = policy.On(Shape());
  const TestModel model = MakeTestModel(shape, types.weights);
  const SessionOptions options = Options(policy, types.kv);
  const std::vector<Plan> plans = MakePlans(shape);
  std::vector<Trace> alone;
  for (const Plan& plan : plans) alone.push_back(RunPlanAlone(model.fast, options, plan));
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (uint64_t seed = 0; seed < 3; ++seed) {
      SCOPED_TRACE(std::to_string(threads) + " threads, seed " + std::to_string(seed));
      RaggedBatch(model.fast, pool, options, plans, seed).RunAndCompare(alone);
    }
  }
}

TEST_P(BatchIdentity, SavedAndRestoredSequencesGoOnAlike) {
  const auto& [types, policy] = GetParam();
  const RandomModelOptions shape = policy.On(Shape());
  const TestModel model = MakeTestModel(shape, types.weights);
  const SessionOptions options = Options(policy, types.kv);
  ThreadPool pool(1);
  for (const Plan& plan : MakePlans(shape)) {
    SCOPED_TRACE("prompt of " + std::to_string(plan.prompt()));
    const std::span<const TokenId> ids(plan.ids);
    Session session(model.fast, pool, options);
    const SequenceId original = session.Add();
    Trace before;
    Feed(session, original, ids.first(plan.prompt()), plan.prompt(), before);
    std::stringstream saved;
    session.Save(original, saved);

    Session other(model.fast, pool, options);
    other.Add();  // so that ids differ
    const SequenceId restored = other.Restore(saved);
    const SequenceId clone = session.Clone(original);
    Trace expected = before, after_restore = before, after_clone = before;
    Feed(session, original, ids.subspan(plan.prompt()), 0, expected);
    Observe(session, original, expected);
    session.Finish(original);
    Feed(session, clone, ids.subspan(plan.prompt()), 0, after_clone);
    Observe(session, clone, after_clone);
    Feed(other, restored, ids.subspan(plan.prompt()), 0, after_restore);
    Observe(other, restored, after_restore);
    ExpectIdentical(after_clone, expected);
    ExpectIdentical(after_restore, expected);
    EXPECT_EQ(session.cache().SeenTokens(clone), static_cast<int>(ids.size()));
    EXPECT_EQ(other.cache().SeenTokens(restored), static_cast<int>(ids.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(Matrix, BatchIdentity,
                         testing::Combine(testing::ValuesIn(kTypes), testing::ValuesIn(SomePolicies())),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param).name;
                         });

}  // namespace
}  // namespace dcp::parity
