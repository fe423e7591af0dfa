// Checkpoints with an adapter on top.
#include <nlohmann/json.hpp>

#include "io/checkpoint.h"
#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using nlohmann::json;
using reference::MadeTensor;
using reference::MakeInteractionTensors;
using reference::MakeOptions;
using reference::MakeTensors;
using reference::ReadText;
using reference::SmallConfig;
using reference::WriteAdapter;
using reference::WriteText;

constexpr ErrorCode kBad = ErrorCode::kInvalidModel;

class AdapterTest : public testing::Test {
 protected:
  AdapterTest() {
    options_.seed = 2;
    reference::MakeCheckpoint(base_, base_config_);
    interaction_ = MakeInteractionTensors(config_, options_);
  }

  Checkpoint Open() const { return Checkpoint::Open(base_, adapter_); }

  void ExpectRefused(ErrorCode code, const std::vector<std::string>& parts) {
    ExpectError([&] { Open(); }, code, parts);
  }

  void PatchConfig(const char* patch) {
    json config = json::parse(ReadText(config_file_));
    config.merge_patch(json::parse(patch));
    WriteText(config_file_, config.dump());
  }

  const TempDir dir_;
  const std::filesystem::path base_ = dir_ / "base";
  const std::filesystem::path adapter_ = dir_ / "adapter";
  const std::string config_file_ = (adapter_ / "config.json").string();
  const std::string file_ = (adapter_ / "adapter.safetensors").string();
  const ModelConfig base_config_ = SmallConfig(2, 2, 3, 0, 10, 7);
  const ModelConfig config_ = SmallConfig(2, 2, 3, 4, 10, 7);
  MakeOptions options_;
  std::vector<MadeTensor> interaction_;
};

TEST_F(AdapterTest, AddsInteractionToAPlainModel) {
  for (const bool prefix : {false, true}) {
    options_.transformer_prefix = prefix;
    WriteAdapter(adapter_, config_, interaction_, options_);
    const Checkpoint checkpoint = Open();
    EXPECT_EQ(checkpoint.config().int_n_embd, 4);
    for (const MadeTensor& tensor : interaction_) {
      EXPECT_EQ(checkpoint.Read(tensor.name, tensor.shape), tensor.values);
    }
    for (const MadeTensor& tensor : MakeTensors(base_config_)) {
      EXPECT_EQ(checkpoint.Read(tensor.name, tensor.shape), tensor.values);
    }
    EXPECT_EQ(Checkpoint::Open(base_).config().int_n_embd, 0);
  }
}

TEST_F(AdapterTest, ReplacesBaseTensors) {
  const std::vector<MadeTensor> others = MakeTensors(base_config_, options_);
  interaction_.push_back(others[0]);
  interaction_.push_back(others.back());
  options_.type = WeightType::kBF16;
  WriteAdapter(adapter_, config_, interaction_, options_);
  const Checkpoint checkpoint = Open();
  for (const MadeTensor& tensor : {others[0], others.back()}) {
    EXPECT_EQ(checkpoint.Read(tensor.name, tensor.shape)[0], reference::RoundTo(WeightType::kBF16, tensor.values[0]));
  }
  EXPECT_EQ(checkpoint.Read(others[1].name, others[1].shape), MakeTensors(base_config_)[1].values);
  EXPECT_EQ(checkpoint.stored_type(), WeightType::kF32) << "of the base's other matrices";
}

TEST_F(AdapterTest, OverridesInteractionOfTheSameWidthOnly) {
  reference::MakeCheckpoint(base_, config_);
  const MadeTensor first = interaction_[0];
  WriteAdapter(adapter_, config_, {first});
  EXPECT_EQ(Open().Read(first.name, first.shape), first.values);
  const ModelConfig wider = SmallConfig(2, 2, 3, 5, 10, 7);
  WriteAdapter(adapter_, wider, MakeInteractionTensors(wider));
  ExpectRefused(kBad,
                {config_file_ + ": dcp.int_n_embd is 5, expected 4, as " + (base_ / "config.json").string() + " says"});
}

TEST_F(AdapterTest, ConfigsAreReadWithoutTheWeights) {
  ModelConfig config = config_;
  config.eviction_delay = 3;
  WriteAdapter(adapter_, config, interaction_);
  std::filesystem::remove(base_ / "model.safetensors");
  std::filesystem::remove(adapter_ / "adapter.safetensors");
  EXPECT_EQ(ReadModelConfig(base_).int_n_embd, 0);
  const ModelConfig both = ReadModelConfig(base_, adapter_);
  EXPECT_EQ(both.n_layer, base_config_.n_layer);
  EXPECT_EQ(both.int_n_embd, 4);
  EXPECT_EQ(both.eviction_delay, 3);
}

TEST_F(AdapterTest, CarriesItsOwnEvictionDelay) {
  for (const int base_delay : {0, 3}) {
    ModelConfig config = config_;
    config.eviction_delay = base_delay;
    reference::MakeCheckpoint(base_, config);
    EXPECT_EQ(Checkpoint::Open(base_).config().eviction_delay, base_delay);
    for (const int delay : {0, 5, 7}) {
      config.eviction_delay = delay;
      WriteAdapter(adapter_, config, interaction_);
      EXPECT_EQ(Open().config().eviction_delay, delay);
    }
  }
}

TEST_F(AdapterTest, EveryMissingInteractionTensorIsNamed) {
  for (size_t i = 0; i < interaction_.size(); ++i) {
    std::vector<MadeTensor> some = interaction_;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    WriteAdapter(adapter_, config_, some);
    ExpectRefused(kBad, {file_ + ": tensor " + interaction_[i].name + " is missing, " + config_file_ + " says"});
  }
}

TEST_F(AdapterTest, TensorsThatDoNotFit) {
  const auto refuse = [&](MadeTensor tensor, const std::vector<std::string>& parts) {
    std::vector<MadeTensor> all = interaction_;
    all.push_back(std::move(tensor));
    WriteAdapter(adapter_, config_, all);
    ExpectRefused(kBad, parts);
  };
  refuse({"score.weight", {1}, {1}}, {file_ + ": tensor score.weight is not a tensor of a GPT-2"});
  refuse({"h.0.lora", {1}, {1}}, {file_ + ": tensor h.0.lora is not a tensor of a GPT-2 layer"});
  refuse({"h.2.ln_1.bias", {1}, {1}}, {file_ + ": tensor h.2.ln_1.bias is of layer 2", "says n_layer 2"});
  refuse({"ln_f.bias", {2}, {1, 1}}, {file_ + ": tensor ln_f.bias is [2], config says [6]"});
  interaction_[1].shape = {6, 4};
  refuse({"ln_f.bias", {6}, std::vector<float>(6)}, {"q_int.weight is [6, 4], config says [4, 6]"});
}

TEST_F(AdapterTest, ConfigsThatDisagree) {
  const std::string base_says = ", as " + (base_ / "config.json").string() + " says";
  const std::pair<const char*, std::string> cases[] = {
      {R"({"n_layer": 3})", "n_layer is 3, expected 2" + base_says},
      {R"({"n_head": 3})", "n_head is 3, expected 2" + base_says},
      {R"({"n_embd": 8})", "n_embd is 8, expected 6" + base_says},
      {R"({"n_inner": 8})", "n_inner is 8, expected 24" + base_says},
      {R"({"n_positions": 8})", "n_positions is 8, expected 7" + base_says},
      {R"({"vocab_size": 8})", "vocab_size is 8, expected 10" + base_says},
      {R"({"layer_norm_epsilon": 0.5})", "layer_norm_epsilon is 0.5, expected 9.99999"},
      {R"({"model_type": "llama"})", "model_type is \"llama\", expected \"gpt2\""},
      {R"({"n_layer": "2"})", "n_layer is \"2\", expected an integer"},
      {R"({"dcp": null})", "dcp is missing"},
      {R"({"dcp": {"version": 3}})", "dcp.version is 3, expected 1"},
      {R"({"dcp": {"int_n_embd": -4}})", "dcp.int_n_embd is -4"},
      {R"({"dcp": {"int_n_embd": 2147483647}})", "dcp.int_n_embd is 2147483647"},
      {R"({"dcp": {"eviction_delay": 8}})", "dcp.eviction_delay is 8, expected 0 .. n_positions, which is 7"},
  };
  for (const auto& [patch, said] : cases) {
    WriteAdapter(adapter_, config_, interaction_);
    PatchConfig(patch);
    ExpectRefused(kBad, {config_file_ + ": ", said});
  }
}

TEST_F(AdapterTest, AWholeModelConfigThatAgreesIsFine) {
  WriteAdapter(adapter_, config_, interaction_);
  WriteText(config_file_, reference::ConfigJson(config_));
  EXPECT_EQ(Open().config().int_n_embd, 4);
}

TEST_F(AdapterTest, MissingFiles) {
  ExpectRefused(ErrorCode::kIo, {config_file_ + ": cannot open: No such file or directory"});
  WriteAdapter(adapter_, config_, interaction_);
  std::filesystem::remove(file_);
  ExpectRefused(ErrorCode::kIo, {file_ + ": cannot open: No such file or directory"});
  WriteText(file_, "short");
  ExpectRefused(kBad, {file_ + ": has 5 bytes"});
}

}  // namespace
}  // namespace dcp
