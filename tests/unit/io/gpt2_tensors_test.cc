#include "io/gpt2_tensors.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/reference/checkpoint_maker.h"

namespace dcp {
namespace {

std::map<std::string, TensorSpec> Listed(const ModelConfig& config) {
  std::map<std::string, TensorSpec> listed;
  ForEachTensor(config, [&](const TensorSpec& spec) {
    EXPECT_TRUE(listed.emplace(spec.name, spec).second) << spec.name << " is listed twice";
  });
  return listed;
}

TEST(Gpt2TensorsTest, AreThoseOfACheckpoint) {
  for (const int r : {0, 5}) {
    ModelConfig config = reference::SmallConfig(11, 2, 7, r, 33, 21);
    config.tie_word_embeddings = r > 0;
    const std::map<std::string, TensorSpec> listed = Listed(config);
    const std::vector<reference::MadeTensor> made = reference::MakeTensors(config);
    EXPECT_EQ(listed.size(), made.size());
    for (const reference::MadeTensor& tensor : made) {
      ASSERT_TRUE(listed.contains(tensor.name)) << tensor.name;
      EXPECT_EQ(listed.at(tensor.name).shape, tensor.shape) << tensor.name;
      EXPECT_EQ(listed.at(tensor.name).size(), static_cast<int64_t>(tensor.values.size())) << tensor.name;
    }
  }
}

TEST(Gpt2TensorsTest, HaveTheirRolesAndLayers) {
  const std::map<std::string, TensorSpec> listed = Listed(reference::SmallConfig());
  const auto role = [&](const char* name) { return listed.at(name).role; };
  EXPECT_EQ(role("wte.weight"), TensorRole::kEmbedding);
  EXPECT_EQ(role("wpe.weight"), TensorRole::kEmbedding);
  EXPECT_EQ(role("ln_f.weight"), TensorRole::kNormWeight);
  EXPECT_EQ(role("h.1.ln_2.bias"), TensorRole::kNormBias);
  EXPECT_EQ(role("h.0.attn.c_attn.weight"), TensorRole::kQkvMatrix);
  EXPECT_EQ(role("h.0.mlp.c_fc.weight"), TensorRole::kMatrix);
  EXPECT_EQ(role("h.0.mlp.c_proj.weight"), TensorRole::kResidualMatrix);
  EXPECT_EQ(role("h.0.attn.c_attn.bias"), TensorRole::kBias);
  EXPECT_EQ(role("h.1.attn.k_int.weight"), TensorRole::kInteractionMatrix);
  EXPECT_EQ(role("h.1.attn.int_bias"), TensorRole::kInteractionBias);
  int interaction = 0;
  for (const auto& [name, spec] : listed) {
    EXPECT_EQ(spec.layer.has_value(), name.starts_with("h."));
    EXPECT_TRUE(!spec.layer || name.starts_with(LayerPrefix(*spec.layer))) << name;
    interaction += IsInteraction(spec.role) ? 1 : 0;
  }
  EXPECT_EQ(interaction, 2 * 3);
}

TEST(Gpt2TensorsTest, AreFoundByName) {
  const ModelConfig config = reference::SmallConfig();
  for (const auto& [name, spec] : Listed(config)) {
    const std::optional<TensorSpec> found = FindTensor(config, name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found->shape, spec.shape);
    EXPECT_EQ(found->role, spec.role);
    EXPECT_EQ(found->layer, spec.layer);
  }
  for (const char* name : {"", "wte", "h.2.ln_1.weight", "h.01.ln_1.weight", "h.-1.ln_1.weight", "h.0.attn.bias",
                           "h.4294967296.ln_1.weight", "h.0.wte.weight", "lm_head.weight"}) {
    EXPECT_FALSE(FindTensor(config, name)) << name;
  }
  EXPECT_FALSE(FindTensor(reference::SmallConfig(2, 2, 8, 0), "h.0.attn.int_bias"));
}

}  // namespace
}  // namespace dcp
