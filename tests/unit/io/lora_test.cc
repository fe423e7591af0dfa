// LoRA adapters of PEFT, merged while a checkpoint is read.
#include <functional>
#include <nlohmann/json.hpp>

#include "io/checkpoint.h"
#include "tests/unit/io/io_testing.h"
#include "writers/safetensors_writer.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using nlohmann::json;
using reference::MadeTensor;
using reference::WriteText;

constexpr ErrorCode kBad = ErrorCode::kInvalidModel;
const std::string kModule = "base_model.model.transformer.h.1.attn.c_attn";

// A base of L 2, H 2, C 6, V 10, P 7 and an adapter of rank 2 on one matrix of it, which tests then change.
class LoraTest : public testing::Test {
 protected:
  LoraTest() {
    reference::MakeCheckpoint(base_, base_config_);
    std::filesystem::create_directories(adapter_);
    Add(kModule + ".lora_A.weight", {2, 6});
    Add(kModule + ".lora_B.weight", {18, 2});
  }

  // Values that differ from each other and from tensor to tensor.
  MadeTensor& Add(const std::string& name, std::vector<int64_t> shape) {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    MadeTensor tensor{name, std::move(shape), std::vector<float>(static_cast<size_t>(size))};
    for (float& value : tensor.values) value = static_cast<float>((next_ = next_ * 29 % 101)) / 64.0f - 0.75f;
    return tensors_.emplace_back(std::move(tensor));
  }

  MadeTensor& Get(const std::string& name) {
    return *std::ranges::find_if(tensors_, [&](const MadeTensor& tensor) { return tensor.name == name; });
  }

  void Write() const {
    WriteText(adapter_ / "adapter_config.json", config_.dump());
    std::vector<TensorToWrite> list;
    for (const MadeTensor& tensor : tensors_) {
      list.push_back({tensor.name, DType::kF32, tensor.shape, std::as_bytes(std::span(tensor.values))});
    }
    WriteSafetensors(file_, list);
  }

  Checkpoint Open(Warnings* warnings = nullptr) const {
    Write();
    return Checkpoint::Open(base_, adapter_, warnings);
  }

  std::vector<float> Base(const std::string& name) const {
    for (const MadeTensor& tensor : reference::MakeTensors(base_config_)) {
      if (tensor.name == name) return tensor.values;
    }
    return {};
  }

  void ExpectRefused(const std::vector<std::string>& parts) {
    ExpectError([&] { Open(); }, kBad, parts);
  }

  const TempDir dir_;
  const std::filesystem::path base_ = dir_ / "base";
  const std::filesystem::path adapter_ = dir_ / "adapter";
  const std::string file_ = (adapter_ / "adapter_model.safetensors").string();
  const std::string config_file_ = (adapter_ / "adapter_config.json").string();
  const std::string base_says_ = (base_ / "config.json").string();
  const ModelConfig base_config_ = reference::SmallConfig(2, 2, 3, 0, 10, 7);
  json config_ = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 3}, {"fan_in_fan_out", true}};
  std::vector<MadeTensor> tensors_;

 private:
  int next_ = 1;
};

// W[i][o] + scale sum_k A[k][i] B[o][k], W as Conv1D stores it.
void ExpectMerged(const std::vector<float>& merged, const std::vector<float>& base, const MadeTensor& a,
                  const MadeTensor& b, double scale) {
  const int64_t rank = a.shape[0], inputs = a.shape[1], outputs = b.shape[0];
  ASSERT_EQ(merged.size(), static_cast<size_t>(inputs * outputs));
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t o = 0; o < outputs; ++o) {
      double sum = 0;
      for (int64_t k = 0; k < rank; ++k) sum += double{a.values[k * inputs + i]} * b.values[o * rank + k];
      ASSERT_NEAR(merged[i * outputs + o], base[i * outputs + o] + scale * sum, 1e-6) << i << ", " << o;
    }
  }
}

TEST_F(LoraTest, AddsTheProductToItsMatrixAlone) {
  const Checkpoint checkpoint = Open();
  EXPECT_TRUE(checkpoint.config().tie_word_embeddings);
  for (const MadeTensor& tensor : reference::MakeTensors(base_config_)) {
    const std::vector<float> read = checkpoint.Read(tensor.name, tensor.shape);
    if (tensor.name == "h.1.attn.c_attn.weight") {
      ExpectMerged(read, tensor.values, tensors_[0], tensors_[1], 1.5);
    } else {
      EXPECT_EQ(read, tensor.values) << tensor.name;
    }
  }
}

TEST_F(LoraTest, Scales) {
  const std::vector<int64_t> shape = {6, 18};
  const auto expect = [&](double scale) {
    ExpectMerged(Open().Read("h.1.attn.c_attn.weight", shape), Base("h.1.attn.c_attn.weight"), tensors_[0], tensors_[1],
                 scale);
  };
  config_["use_rslora"] = true;
  expect(3 / std::sqrt(2));
  config_["use_rslora"] = false;
  config_["lora_alpha"] = 0.5;
  expect(0.25);
  for (const char* pattern : {"c_attn", "attn.c_attn", "h.1.attn.c_attn", "transformer.h.1.attn.c_attn",
                              "^transformer\\.h\\.1\\.attn\\.c_attn$", "^transformer.h.1.attn.c_attn"}) {
    config_["alpha_pattern"] = {{"c_proj", 100}, {"_attn", 100}, {"h.0.attn.c_attn", 100}, {pattern, 7}};
    expect(3.5);
  }
  config_["r"] = 4;
  config_["rank_pattern"] = {{"attn.c_attn", 2}};
  expect(3.5);
}

TEST_F(LoraTest, NamesOfOlderVersions) {
  const std::vector<int64_t> shape = {6, 18};
  for (const auto& [a, b] : {std::pair(".lora_A.default.weight", ".lora_B.default.weight"),
                             {".lora_A.my_adapter.weight", ".lora_B.my_adapter.weight"}}) {
    tensors_[0].name = "base_model.model." + std::string("h.1.attn.c_attn") + a;
    tensors_[1].name = kModule + b;
    ExpectMerged(Open().Read("h.1.attn.c_attn.weight", shape), Base("h.1.attn.c_attn.weight"), tensors_[0], tensors_[1],
                 1.5);
  }
}

TEST_F(LoraTest, BiasesAndSavedModules) {
  Add("base_model.model.transformer.h.1.attn.c_attn.base_layer.bias", {18});
  Add("base_model.model.transformer.h.0.mlp.c_fc.bias", {24});
  Add("base_model.model.transformer.ln_f.modules_to_save.weight", {6});
  Add("base_model.model.score.weight", {2, 6});
  Warnings warnings;
  const Checkpoint checkpoint = Open(&warnings);
  EXPECT_EQ(warnings, Warnings{file_ + ": base_model.model.score.weight: not of a language model, left out"});
  const auto expect = [&](const char* name, const MadeTensor& tensor) {
    EXPECT_EQ(checkpoint.Read(name, tensor.shape), tensor.values) << name;
  };
  expect("h.1.attn.c_attn.bias", tensors_[2]);
  expect("h.0.mlp.c_fc.bias", tensors_[3]);
  expect("ln_f.weight", tensors_[4]);
}

// A head or an embedding that was trained for itself parts the two.
TEST_F(LoraTest, HeadOfATiedModel) {
  const std::vector<int64_t> shape = {10, 6};
  const std::vector<float> embedding = Base("wte.weight");
  const MadeTensor a = Add("base_model.model.lm_head.lora_A.weight", {2, 6});
  const MadeTensor b = Add("base_model.model.lm_head.lora_B.weight", {10, 2});
  const Checkpoint checkpoint = Open();
  EXPECT_FALSE(checkpoint.config().tie_word_embeddings);
  EXPECT_EQ(checkpoint.Read("wte.weight", shape), embedding);
  // A row is an output here: B and A change places.
  const std::vector<float> head = checkpoint.Read("lm_head.weight", shape);
  for (int64_t o = 0; o < 10; ++o) {
    for (int64_t i = 0; i < 6; ++i) {
      const double sum = double{b.values[o * 2]} * a.values[i] + double{b.values[o * 2 + 1]} * a.values[6 + i];
      EXPECT_NEAR(head[o * 6 + i], embedding[o * 6 + i] + 1.5 * sum, 1e-6);
    }
  }
}

TEST_F(LoraTest, EmbeddingOfATiedModel) {
  const std::vector<int64_t> shape = {10, 6};
  const MadeTensor a = Add("base_model.model.transformer.wte.lora_embedding_A", {2, 10});
  const MadeTensor b = Add("base_model.model.transformer.wte.lora_embedding_B", {6, 2});
  const Checkpoint checkpoint = Open();
  EXPECT_FALSE(checkpoint.config().tie_word_embeddings);
  EXPECT_EQ(checkpoint.Read("lm_head.weight", shape), Base("wte.weight"));
  ExpectMerged(checkpoint.Read("wte.weight", shape), Base("wte.weight"), a, b, 1.5);
  config_["ensure_weight_tying"] = true;
  ExpectRefused({config_file_ + ": ensure_weight_tying is true"});
}

// PEFT saves the embedding along when tokens were added to it.
TEST_F(LoraTest, LargerVocabulary) {
  const std::vector<int64_t> shape = {12, 6};
  const MadeTensor embedding = Add("base_model.model.transformer.wte.weight", shape);
  Add("base_model.model.lm_head.weight", shape).values = embedding.values;
  Warnings warnings;
  const Checkpoint checkpoint = Open(&warnings);
  EXPECT_EQ(warnings, Warnings{file_ + ": tensor wte.weight has 12 rows, the base 10: the adapter's are taken"});
  EXPECT_TRUE(checkpoint.config().tie_word_embeddings);
  EXPECT_EQ(checkpoint.config().vocab_size, 12);
  EXPECT_EQ(checkpoint.Read("wte.weight", shape), embedding.values);
}

TEST_F(LoraTest, SavedHeadOfATiedModel) {
  const std::vector<int64_t> shape = {10, 6};
  const MadeTensor head = Add("base_model.model.lm_head.weight", shape);
  EXPECT_TRUE(Open().config().tie_word_embeddings) << "it was saved along";
  config_["modules_to_save"] = {"lm_head"};
  const Checkpoint checkpoint = Open();
  EXPECT_FALSE(checkpoint.config().tie_word_embeddings);
  EXPECT_EQ(checkpoint.Read("lm_head.weight", shape), head.values);
  EXPECT_EQ(checkpoint.Read("wte.weight", shape), Base("wte.weight"));
}

TEST_F(LoraTest, AnotherBase) {
  const std::string of =
      ", h.1.attn.c_attn.weight of " + base_says_ + ", which is [6, 18], with r 2 (" + config_file_ + ") needs ";
  tensors_[0].shape = {2, 8};
  tensors_[0].values.resize(16);
  ExpectRefused({file_ + ": tensor " + kModule + ".lora_A.weight is [2, 8]" + of + "[2, 6]"});
  tensors_[0].shape = {1, 6};
  tensors_[0].values.resize(6);
  ExpectRefused({".lora_A.weight is [1, 6]" + of + "[2, 6]"});
  tensors_[0].shape = {2, 6};
  tensors_[0].values.resize(12);
  tensors_[1].shape = {2, 18};
  ExpectRefused({".lora_B.weight is [2, 18]" + of + "[18, 2]"});
  tensors_[1].shape = {18, 2};
  tensors_[0].name = "base_model.model.transformer.h.2.attn.c_attn.lora_A.weight";
  ExpectRefused({" is of layer 2, " + base_says_ + " says n_layer 2"});
  tensors_[0].name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
  config_["base_model_name_or_path"] = "someone/other";
  ExpectRefused({file_ + ": tensor " + tensors_[0].name + " belongs to a module that a GPT-2 does not have",
                 "(it was trained on \"someone/other\")"});
  tensors_[0].name = kModule + ".lora_A.weight";
  Add("base_model.model.transformer.ln_f.bias", {7});
  ExpectRefused({"ln_f.bias is [7], ln_f.bias of " + base_says_ + " is [6]"});
}

TEST_F(LoraTest, TensorsThatDoNotFitTogether) {
  MadeTensor b = tensors_[1];
  tensors_.pop_back();
  ExpectRefused({".lora_A.weight stands alone: there is no lora_B of h.1.attn.c_attn.weight"});
  tensors_[0] = b;
  ExpectRefused({".lora_B.weight stands alone: there is no lora_A of h.1.attn.c_attn.weight"});
  tensors_.clear();
  ExpectRefused({file_ + ": changes no tensor of a GPT-2"});
  Add(kModule + ".lora_A.weight", {2, 6});
  Add("base_model.model.h.1.attn.c_attn.lora_A.weight", {2, 6});
  ExpectRefused({"is there twice, under two names of h.1.attn.c_attn.weight"});
  tensors_.pop_back();
  Add(kModule + ".lora_magnitude_vector.weight", {18});
  ExpectRefused({".lora_magnitude_vector.weight is not of plain LoRA"});
  tensors_.pop_back();
  tensors_.push_back(b);
  tensors_.back().values[5] = std::nanf("");
  const std::vector<int64_t> shape = {6, 18};
  ExpectError([&] { Open().Read("h.1.attn.c_attn.weight", shape); }, kBad,
              {file_ + ": tensor " + kModule + ".lora_B.weight holds nan at index 5 of 36"});
}

TEST_F(LoraTest, ConfigsThatAreRefused) {
  const std::pair<const char*, std::string> cases[] = {
      {R"({"peft_type": "IA3"})", "peft_type is \"IA3\", expected \"LORA\""},
      {R"({"peft_type": null})", "peft_type is missing, expected \"LORA\""},
      {R"({"r": 0})", "r is 0, expected at least 1"},
      {R"({"r": "8"})", "r is \"8\", expected an integer"},
      {R"({"r": null})", "r is missing"},
      {R"({"lora_alpha": null})", "lora_alpha is missing"},
      {R"({"lora_alpha": "16"})", "lora_alpha is \"16\", expected a number"},
      {R"({"use_rslora": 1})", "use_rslora is 1, expected true or false"},
      {R"({"use_dora": true})", "use_dora is true, expected none: libdcp adds plain LoRA"},
      {R"({"lora_bias": true})", "lora_bias is true"},
      {R"({"layer_replication": [[0, 1]]})", "layer_replication is an array"},
      {R"({"trainable_token_indices": [3]})", "trainable_token_indices is an array"},
      {R"({"init_lora_weights": "pissa_niter_4"})", "init_lora_weights is \"pissa_niter_4\", expected true"},
      {R"({"rank_pattern": [1]})", "rank_pattern is an array, expected an object"},
      {R"({"rank_pattern": {"c_attn": 0}})", "rank_pattern.c_attn is 0, expected at least 1"},
      {R"({"alpha_pattern": {"c_attn": "x"}})", "alpha_pattern.c_attn is \"x\", expected a number"},
      {R"({"alpha_pattern": {"h.(1|2).*": 3}})", "alpha_pattern.h.(1|2).* is 3, expected the name of a module"},
      {R"({"modules_to_save": "ln_f"})", "modules_to_save is \"ln_f\", expected an array"},
  };
  const json good = config_;
  for (const auto& [patch, said] : cases) {
    config_ = good;
    config_.merge_patch(json::parse(patch));
    ExpectRefused({config_file_ + ": " + said});
  }
  config_ = good;
  config_.merge_patch(json::parse(
      R"({"use_dora": false, "layer_replication": null, "rank_pattern": {}, "init_lora_weights": "gaussian"})"));
  Open();
}

TEST_F(LoraTest, ProductsThatAreNotFinite) {
  config_["lora_alpha"] = 1e300;
  const Checkpoint checkpoint = Open();
  ExpectError(
      [&] {
        (void)checkpoint.Read("h.1.attn.c_attn.weight", std::vector<int64_t>{6, 18});
      },
      kBad, {file_, "lora_B", "h.1.attn.c_attn.weight", "5e+299", "not finite"});
}

TEST_F(LoraTest, DamagedFiles) {
  Write();
  const std::string good = reference::ReadText(file_);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{40}, good.size() - 1}) {
    WriteText(file_, good.substr(0, size));
    ExpectError([&] { Checkpoint::Open(base_, adapter_); }, kBad, {file_ + ": "});
  }
  std::filesystem::remove(file_);
  ExpectError([&] { Checkpoint::Open(base_, adapter_); }, ErrorCode::kIo, {file_ + ": cannot open: No such file"});
  WriteText(adapter_ / "adapter_model.bin", "PK");
  ExpectError([&] { Checkpoint::Open(base_, adapter_); }, ErrorCode::kIo,
              {file_ + ": no such file, and adapter_model.bin beside it is a pickle"});
}

}  // namespace
}  // namespace dcp
