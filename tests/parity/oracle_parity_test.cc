// Every policy over models of odd shapes: the fast path against the double-precision reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "tests/parity/parity_helpers.h"

namespace dcp::parity {
namespace {

using reference::RandomModelOptions;
using reference::Variant;

//                                             L  H  D   R   V    P  seed
const std::vector<RandomModelOptions> kShapes = {
    {1, 1, 3, 1, 37, 40, 11},    {2, 3, 5, 5, 61, 96, 12},    {3, 2, 8, 7, 64, 150, 13},   {4, 5, 3, 16, 101, 64, 14},
    {6, 4, 16, 5, 300, 256, 15}, {2, 1, 33, 16, 50, 120, 16}, {3, 5, 16, 33, 257, 130, 17}};

SessionOptions Options(const PolicyCase& policy) {
  SessionOptions options;
  options.policy = MakePolicy(policy.spec());
  options.record_drops = true;
  return options;
}

class OracleParity : public testing::TestWithParam<std::tuple<size_t, PolicyCase>> {};

TEST_P(OracleParity, PrefillAndDecode) {
  const auto& [shape, policy] = GetParam();
  const RandomModelOptions options = policy.On(kShapes[shape]);
  const TestModel model = MakeTestModel(options);
  const auto ids = reference::RandomIds(options.positions, options.vocab, options.seed);
  const auto expected = model.oracle->Run(ids, policy.spec());
  ThreadPool pool(1);
  for (const size_t prefill : {ids.size(), ids.size() / 2, size_t{0}}) {
    SCOPED_TRACE(std::to_string(prefill) + " tokens by prefill, the others by decode");
    ExpectAgrees(RunAlone(model.fast, pool, Options(policy), ids, prefill), expected, ids);
  }
}

INSTANTIATE_TEST_SUITE_P(Matrix, OracleParity,
                         testing::Combine(testing::Range<size_t>(0, kShapes.size()), testing::ValuesIn(AllPolicies())),
                         [](const auto& test) {
                           return "shape" + std::to_string(std::get<0>(test.param)) + "_" +
                                  std::get<1>(test.param).name;
                         });

// The equation itself, of both: j is gone for n iff some m in j+1 .. n-W has s(m, j) <= tau.
TEST(EvictionDelay, DropsAreTheEquation) {
  for (const int delay : {1, 7, 64, 1000}) {
    SCOPED_TRACE("a delay of " + std::to_string(delay));
    RandomModelOptions shape{3, 2, 8, 7, 64, 150, 13};
    shape.delay = delay;
    const TestModel model = MakeTestModel(shape);
    const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
    const auto exact = model.oracle->Run(ids, ParsePolicy("learned"));
    ThreadPool pool(1);
    const Trace trace = RunAlone(model.fast, pool, Options({"learned", "learned"}), ids, 100);
    for (size_t l = 0; l < exact.scores.size(); ++l) {
      for (int j = 0; j < shape.positions; ++j) {
        int decided = j + 1;
        while (decided < shape.positions && exact.scores[l](decided, j) > 0) ++decided;
        const int gone = decided + std::min(delay, shape.positions);
        const int expected = gone < shape.positions ? gone : -1;
        ASSERT_EQ(exact.dropped_at[l][j], expected) << "layer " << l << ", token " << j;
        ASSERT_EQ(trace.dropped_at[l][j], expected) << "layer " << l << ", token " << j;
        ASSERT_EQ(std::isnan(trace.dropped_by_score[l][j]), expected == -1) << "layer " << l << ", token " << j;
      }
    }
  }
}

TEST(OracleParityWithoutInteraction, RunsAllButLearned) {
  const RandomModelOptions shape{3, 2, 7, 0, 90, 70, 21};
  const TestModel model = MakeTestModel(shape);
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  ThreadPool pool(1);
  for (const PolicyCase& policy : AllPolicies()) {
    SCOPED_TRACE(policy.name);
    if (policy.spec().Has(PolicySpec::Kind::kLearned)) {
      EXPECT_THROW(Session(model.fast, pool, Options(policy)), Error);
      continue;
    }
    const auto expected = model.oracle->Run(ids, policy.spec());
    ExpectAgrees(RunAlone(model.fast, pool, Options(policy), ids, 50), expected, ids);
  }
}

class WeightTypeParity : public testing::TestWithParam<WeightType> {};

// The weights of these models are exact in their type: nothing is lost there.
TEST_P(WeightTypeParity, ExactWeights) {
  RandomModelOptions shape{3, 5, 8, 9, 131, 100, 31};
  shape.exact_in = GetParam();
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  ThreadPool pool(1);
  for (const PolicyCase& policy : SomePolicies()) {
    SCOPED_TRACE(policy.name);
    const TestModel model = MakeTestModel(policy.On(shape), GetParam());
    EXPECT_EQ(model.fast->weight_type(), GetParam());
    const auto expected = model.oracle->Run(ids, policy.spec());
    ExpectAgrees(RunAlone(model.fast, pool, Options(policy), ids, 60), expected, ids, ToleranceOf(GetParam()));
  }
}

// Of any weights, what is lost is bounded by the bits that the type keeps. Measured: f16 0.0011, bf16 0.008, i8 0.032,
// i4 0.42.
double RoundingTolerance(WeightType type) {
  if (type == WeightType::kF16) return 0.004;
  if (type == WeightType::kI4) return 0.6;
  return type == WeightType::kBF16 ? 0.03 : 0.1;
}

TEST_P(WeightTypeParity, RoundedWeights) {
  RandomModelOptions shape{2, 4, 8, 9, 131, 100, 32};
  const TestModel model = MakeTestModel(shape, GetParam());
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  ThreadPool pool(1);
  Tolerance loose;
  loose.logits = RoundingTolerance(GetParam());
  for (const char* policy : {"dense", "window:16"}) {
    SCOPED_TRACE(policy);
    const auto expected = model.oracle->Run(ids, ParsePolicy(policy));
    const Trace trace = RunAlone(model.fast, pool, Options({policy, policy}), ids, 60);
    EXPECT_TRUE(ExpectAgrees(trace, expected, ids, loose));
    EXPECT_GT(RelativeDifference(trace.logits.back(), std::span(expected.logits.bottomRows(1).eval().data(), 131)),
              1e-6)
        << "the weights were not rounded at all";
  }
}

INSTANTIATE_TEST_SUITE_P(Types, WeightTypeParity,
                         testing::Values(WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4),
                         [](const auto& test) { return std::string(ToString(test.param)); });

class VariantParity : public testing::TestWithParam<std::tuple<Variant, WeightType>> {};

// Models that differ from the published GPT-2, in weights that are exact in the type that holds them.
TEST_P(VariantParity, ExactWeights) {
  const auto& [variant, type] = GetParam();
  RandomModelOptions shape{3, 3, 8, 9, 131, 80, 51};
  shape.exact_in = type;
  shape.variant = variant;
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  ThreadPool pool(1);
  const TestModel model = MakeTestModel(shape, type);
  for (const char* policy : {"dense", "learned", "h2o:24"}) {
    SCOPED_TRACE(policy);
    const auto expected = model.oracle->Run(ids, ParsePolicy(policy));
    const Trace trace = RunAlone(model.fast, pool, Options({policy, policy}), ids, 50);
    ExpectAgrees(trace, expected, ids, ToleranceOf(type));
  }
}

// A variant that is not computed would pass for the published model: each has to change the logits.
TEST_P(VariantParity, IsAnotherModel) {
  const auto& [variant, type] = GetParam();
  RandomModelOptions shape{3, 3, 8, 9, 131, 80, 51};
  const auto ids = reference::RandomIds(40, shape.vocab, shape.seed);
  const auto plain = MakeTestModel(shape).oracle->Run(ids, ParsePolicy("dense"));
  shape.variant = variant;
  const auto other = MakeTestModel(shape).oracle->Run(ids, ParsePolicy("dense"));
  EXPECT_GT(RelativeDifference(Row(plain.logits, 39), Row(other.logits, 39)),
            kLogitTolerance);  // gelu is the closest: 2e-4
}

const Variant kVariants[] = {
    {.name = "linear", .activation = Activation::kIdentity},
    {.name = "gelu", .activation = Activation::kGelu},
    {.name = "quick_gelu", .activation = Activation::kQuickGelu},
    {.name = "silu", .activation = Activation::kSilu},
    {.name = "relu", .activation = Activation::kRelu},
    {.name = "tanh", .activation = Activation::kTanh},
    {.name = "unscaled", .scale_attn_weights = false},
    {.name = "scaled_by_layer", .scale_attn_by_inverse_layer_idx = true},
    {.name = "only_by_layer", .scale_attn_weights = false, .scale_attn_by_inverse_layer_idx = true},
    {.name = "untied", .tie_word_embeddings = false},
    {.name = "narrow_inner", .inner = 41},
    {.name = "all_at_once",
     .activation = Activation::kSilu,
     .scale_attn_by_inverse_layer_idx = true,
     .tie_word_embeddings = false,
     .inner = 130}};

INSTANTIATE_TEST_SUITE_P(All, VariantParity,
                         testing::Combine(testing::ValuesIn(kVariants),
                                          testing::Values(WeightType::kF32, WeightType::kBF16, WeightType::kF16,
                                                          WeightType::kI8, WeightType::kI4)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  std::string(ToString(std::get<1>(test.param)));
                         });

// K and V in 16 or 8 bits lose bits once; the decisions of the first layer do not see them.
class KvTypeParity : public testing::TestWithParam<KvType> {};

TEST_P(KvTypeParity, LosesLittle) {
  RandomModelOptions shape{3, 4, 8, 9, 131, 100, 41};
  const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
  ThreadPool pool(1);
  Tolerance loose;
  loose.logits = GetParam() == KvType::kF16 ? 0.02 : 0.1;
  loose.doubtful = loose.logits;
  for (const PolicyCase& policy : SomePolicies()) {
    SCOPED_TRACE(policy.name);
    const TestModel model = MakeTestModel(policy.On(shape));
    SessionOptions options = Options(policy);
    options.kv_type = GetParam();
    const auto expected = model.oracle->Run(ids, policy.spec());
    const Trace trace = RunAlone(model.fast, pool, options, ids, 60);
    ExpectAgrees(trace, expected, ids, loose);
    if (policy.spec().kind != PolicySpec::Kind::kH2O && expected.FirstDoubtful(kDoubtful) == shape.positions) {
      EXPECT_EQ(trace.dropped_at[0], expected.dropped_at[0]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, KvTypeParity, testing::Values(KvType::kF16, KvType::kI8),
                         [](const auto& test) { return std::string(ToString(test.param)); });

}  // namespace
}  // namespace dcp::parity
