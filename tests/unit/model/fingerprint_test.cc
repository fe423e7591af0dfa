// The fingerprint of a model: equal for equal weights, another for any that differ.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "model/weights.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp {
namespace {

using session_testing::SmallModel;
using session_testing::SmallShape;

TEST(Fingerprint, FollowsConfigSeedAndType) {
  std::set<uint64_t> prints;
  for (const WeightType type :
       {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4}) {
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
  config = SmallShape();
  config.activation = Activation::kGelu;
  prints.insert(Model::Random(config, 0)->fingerprint());
  config = SmallShape();
  config.scale_attn_weights = false;
  prints.insert(Model::Random(config, 0)->fingerprint());
  config = SmallShape();
  config.scale_attn_by_inverse_layer_idx = true;
  prints.insert(Model::Random(config, 0)->fingerprint());
  config = SmallShape();
  config.tie_word_embeddings = false;
  prints.insert(Model::Random(config, 0)->fingerprint());
  EXPECT_EQ(prints.size(), 22u);
}

// Saved sequences carry fingerprints, and random models are the same everywhere: neither may change.
TEST(Fingerprint, IsWhatItEverWas) {
  ModelConfig config;
  config.n_layer = 2;
  config.n_head = 2;
  config.n_embd = 12;
  config.n_inner = 20;
  config.n_positions = 16;
  config.vocab_size = 37;
  EXPECT_EQ(Model::Random(config, 7, WeightType::kF32)->fingerprint(), 0xd9f358ef6cc47905u);
  config.int_n_embd = 5;
  config.eviction_delay = 3;
  EXPECT_EQ(Model::Random(config, 7, WeightType::kF32)->fingerprint(), 0x0ed8c10a234e825fu);
  EXPECT_EQ(Model::Random(config, 7, WeightType::kI8)->fingerprint(), 0x12989793391ee3a0u);
}

// Loading does not read the weights again for it: the first to ask waits, the others do not.
TEST(Fingerprint, IsMadeWhenFirstAskedFor) {
  using Clock = std::chrono::steady_clock;
  ModelConfig config = SmallShape();
  config.vocab_size = 100'000;  // hundreds of microseconds to hash
  const auto model = Model::Random(config, 0);
  const auto ask = [&model] {
    const auto begin = Clock::now();
    EXPECT_NE(model->fingerprint(), 0u);
    return Clock::now() - begin;
  };
  const auto first = ask();
  auto later = first;
  for (int i = 0; i < 20; ++i) later = std::min(later, ask());
  EXPECT_GT(first, 20 * later);
}

TEST(Fingerprint, ThreadsMayAskAtOnce) {
  const auto model = Model::Random(SmallShape(), 1);
  std::vector<uint64_t> prints(8);
  std::vector<std::thread> threads;
  for (uint64_t& print : prints) threads.emplace_back([&] { print = model->fingerprint(); });
  for (std::thread& thread : threads) thread.join();
  for (const uint64_t print : prints) EXPECT_EQ(print, Model::Random(SmallShape(), 1)->fingerprint());
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
