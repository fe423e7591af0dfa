// How a prompt is cut into chunks, or split between prefill and decode, may reorder float sums and nothing else.
#include <gtest/gtest.h>

#include <iostream>
#include <tuple>

#include "tests/parity/parity_helpers.h"

namespace dcp::parity {
namespace {

using reference::RandomModelOptions;

const std::vector<RandomModelOptions> kShapes = {{2, 3, 5, 7, 61, 70, 61}, {5, 2, 16, 5, 113, 90, 62}};

class Chunking : public testing::TestWithParam<std::tuple<size_t, PolicyCase>> {
 protected:
  Chunking()
      : shape_(std::get<1>(GetParam()).On(kShapes[std::get<0>(GetParam())])), spec_(std::get<1>(GetParam()).spec()) {
    model_ = MakeTestModel(shape_);
    ids_ = reference::RandomIds(shape_.positions, shape_.vocab, shape_.seed);
    exact_ = model_.oracle->Run(ids_, spec_);
  }

  Trace Run(int chunk, size_t prefill) {
    SessionOptions options;
    options.policy = MakePolicy(spec_);
    options.prefill_chunk = chunk;
    options.record_drops = true;
    return RunAlone(model_.fast, pool_, options, ids_, prefill);
  }

  // Kept sets may differ from the oracle's after a doubtful decision only, and logits nowhere before it.
  void Check(const Trace& trace) {
    if (!ExpectAgrees(trace, exact_, ids_)) ++doubtful_;
    ++runs_;
  }

  // Of two ways to feed the same tokens; without doubtful decisions nothing excuses a difference.
  void CheckPair(const Trace& a, const Trace& b) {
    const int end = FirstDifference(a.dropped_at, b.dropped_at);
    if (end == shape_.positions) {
      EXPECT_EQ(a.kept, b.kept);
    } else {
      EXPECT_GE(end, exact_.FirstDoubtful(kDoubtful));
    }
    for (size_t t = 0; t < static_cast<size_t>(end); ++t) {
      EXPECT_LT(RelativeDifference(a.logits[t], std::span<const float>(b.logits[t])), kLogitTolerance) << "token " << t;
    }
  }

  void TearDown() override {
    std::cout << "[ doubtful ] " << doubtful_ << " of " << runs_ << " runs differ in what they kept; "
              << (exact_.FirstDoubtful(kDoubtful) < shape_.positions ? "some" : "no") << " decision was closer than "
              << kDoubtful << "\n";
  }

  RandomModelOptions shape_;
  PolicySpec spec_;
  TestModel model_;
  std::vector<TokenId> ids_;
  reference::OracleResult exact_;
  ThreadPool pool_{1};  // their number changes nothing: see batch_identity_test.cc
  int doubtful_ = 0;
  int runs_ = 0;
};

TEST_P(Chunking, ChunksOfAnySize) {
  const Trace whole = Run(shape_.positions, ids_.size());
  Check(whole);
  for (const int chunk : {1, 3, 7, 16}) {
    SCOPED_TRACE("chunks of " + std::to_string(chunk));
    const Trace trace = Run(chunk, ids_.size());
    Check(trace);
    CheckPair(trace, whole);
  }
}

TEST_P(Chunking, EverySplitOfPrefillAndDecode) {
  const Trace whole = Run(128, ids_.size());
  for (size_t prefill = 0; prefill < ids_.size(); ++prefill) {
    SCOPED_TRACE(std::to_string(prefill) + " tokens by prefill, the others by decode");
    const Trace trace = Run(prefill % 2 == 0 ? 128 : 7, prefill);
    Check(trace);
    CheckPair(trace, whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Matrix, Chunking,
                         testing::Combine(testing::Range<size_t>(0, kShapes.size()), testing::ValuesIn(SomePolicies())),
                         [](const auto& test) {
                           return "shape" + std::to_string(std::get<0>(test.param)) + "_" +
                                  std::get<1>(test.param).name;
                         });

// The trained decisions as somebody else's policy, which knows nothing of chunks.
class ForeignPolicy final : public EvictionPolicy {
 public:
  std::string name() const override { return "foreign"; }
  bool NeedsInteraction() const override { return true; }
  bool NeedsAttention() const override { return true; }
  void Select(const SlotsView& slots, std::vector<Eviction>& evictions) const override {
    const bool whole = slots.scores.size() + 1 == slots.positions.size() &&
                       slots.attention.size() == slots.positions.size() && slots.positions.back() == slots.position;
    for (size_t i = 0; whole && i < slots.scores.size(); ++i) {
      if (slots.scores[i] <= 0.0f) evictions.push_back({static_cast<uint32_t>(i), slots.scores[i]});
    }
  }
};

TEST(ForeignPolicy, EqualsTheOracleTokenByToken) {
  const RandomModelOptions shape = {3, 2, 7, 5, 83, 80, 63};
  const TestModel model = MakeTestModel(shape);
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  SessionOptions options;
  options.policy = std::make_shared<ForeignPolicy>();
  options.record_drops = true;
  ThreadPool pool(1);
  const auto exact = model.oracle->Run(ids, ParsePolicy("learned"));
  EXPECT_LT(exact.kept[0].size(), ids.size());
  ExpectAgrees(RunAlone(model.fast, pool, options, ids, 60), exact, ids);
}

}  // namespace
}  // namespace dcp::parity
