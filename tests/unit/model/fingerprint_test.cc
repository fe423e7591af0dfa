// The fingerprint of a model: equal for equal weights, another for any that differ.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "model/weights.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::SmallModel;
using session_testing::SmallShape;

TEST(Fingerprint, FollowsConfigSeedAndType) {
  std::set<uint64_t> prints;
  for (const WeightType type : {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8}) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const uint64_t print = Model::Random(SmallShape(), seed, type)->fingerprint();
      EXPECT_EQ(print, Model::Random(SmallShape(), seed, type)->fingerprint());
      prints.insert(print);
    }
  }
  ModelConfig config = SmallShape();
  config.layer_norm_epsilon = 1e-6f;
  prints.insert(Model::Random(config, 0)->fingerprint());
  config = SmallShape();
  config.n_head = 5;  // the same weights, read in another way
  prints.insert(Model::Random(config, 0)->fingerprint());
  config = SmallShape();
  config.eviction_delay = 1;  // the same weights, another rule
  prints.insert(Model::Random(config, 0)->fingerprint());
  EXPECT_EQ(prints.size(), 15u);
}

// One changed weight, wherever it is.
TEST(Fingerprint, EveryWeightCounts) {
  const ModelConfig config = SmallShape();
  const uint64_t original = Fingerprint(config, RandomWeights(config, 1, WeightType::kF32));
  const auto changed = [&](const std::function<float*(ModelWeights&)>& weight) {
    ModelWeights weights = RandomWeights(config, 1, WeightType::kF32);
    *weight(weights) += 0.25f;
    return Fingerprint(config, weights);
  };
  const auto last_of = [](const PackedMatrix& matrix) {  // a test may write where nobody else does
    auto* last = const_cast<std::byte*>(matrix.panel(0)) + (matrix.in() * kPanel - kPanel) * sizeof(float);
    return reinterpret_cast<float*>(last);
  };
  const std::set<uint64_t> prints = {
      original,
      changed([&](ModelWeights& w) { return last_of(w.token_embedding); }),
      changed([](ModelWeights& w) { return &w.position_embedding[w.position_embedding.size() - 1]; }),
      changed([](ModelWeights& w) { return &w.ln_f.weight[9]; }),
      changed([](ModelWeights& w) { return &w.ln_f.bias[0]; }),
      changed([&](ModelWeights& w) { return last_of(w.layers[2].qkv_int.matrix); }),
      changed([](ModelWeights& w) { return &w.layers[2].beta; }),
      changed([](ModelWeights& w) { return &w.layers[1].ln_2.bias[3]; }),
      changed([&](ModelWeights& w) { return last_of(w.layers[0].mlp_proj.matrix); }),
      changed([](ModelWeights& w) { return &w.layers[0].fc.bias[39]; }),
  };
  EXPECT_EQ(prints.size(), 10u);
}

TEST(RandomModel, HasTheAdvertisedSpread) {
  ModelConfig config = SmallShape();
  config.n_embd = 64;
  config.n_inner = 256;
  const ModelWeights weights = RandomWeights(config, 3, WeightType::kF32);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < weights.position_embedding.size(); ++i) {
    sum += weights.position_embedding[i];
    squares += weights.position_embedding[i] * weights.position_embedding[i];
  }
  const auto n = static_cast<double>(weights.position_embedding.size());
  EXPECT_NEAR(sum / n, 0.0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / n), 0.02, 0.001);
  EXPECT_EQ(weights.layers[0].beta, 2.0f);
  EXPECT_EQ(weights.layers[0].ln_1.weight[5], 1.0f);
}

TEST(RandomModel, ImpossibleShapesAreRefused) {
  ModelConfig config = SmallShape();
  config.n_head = 3;
  session_testing::ExpectError(ErrorCode::kInvalidModel, {"10", "3"}, [&] { Model::Random(config, 1); });
}

}  // namespace
}  // namespace dcp
