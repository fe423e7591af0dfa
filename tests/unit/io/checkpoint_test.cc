#include "io/checkpoint.h"

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/unit/io/io_testing.h"
#include "writers/safetensors_writer.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using nlohmann::json;
using reference::MadeTensor;
using reference::MakeCheckpoint;
using reference::MakeOptions;
using reference::MakeTensors;
using reference::ReadText;
using reference::RoundTo;
using reference::SmallConfig;
using reference::WriteCheckpoint;
using reference::WriteText;

constexpr ErrorCode kBad = ErrorCode::kInvalidModel;

void ExpectHolds(const Checkpoint& checkpoint, const std::vector<MadeTensor>& tensors, WeightType type) {
  for (const MadeTensor& tensor : tensors) {
    ASSERT_TRUE(checkpoint.Has(tensor.name)) << tensor.name;
    std::vector<float> expected = tensor.values;
    for (float& value : expected) value = RoundTo(type, value);
    EXPECT_EQ(checkpoint.Read(tensor.name, tensor.shape), expected) << tensor.name;
  }
}

// Every way to store the same model.
struct Form {
  const char* name;
  MakeOptions options;
};

MakeOptions Options(WeightType type, int shards, bool prefix, bool extras) {
  MakeOptions options;
  options.type = type;
  options.shards = shards;
  options.transformer_prefix = prefix;
  options.attention_buffers = extras;
  options.lm_head = extras;
  return options;
}

class CheckpointFormTest : public testing::TestWithParam<Form> {};

TEST_P(CheckpointFormTest, EveryTensorIsRead) {
  const TempDir dir;
  for (const int r : {0, 3}) {
    const ModelConfig config = SmallConfig(2, 3, 5, r, 17, 11);
    const std::filesystem::path model = dir / ("m" + std::to_string(r));
    MakeCheckpoint(model, config, GetParam().options);
    Checkpoint opened = Checkpoint::Open(model);
    const Checkpoint checkpoint = std::move(opened);
    EXPECT_EQ(checkpoint.stored_type(), GetParam().options.type);
    EXPECT_EQ(checkpoint.config().int_n_embd, r);
    EXPECT_EQ(checkpoint.config().n_layer, 2);
    ExpectHolds(checkpoint, MakeTensors(config, GetParam().options), GetParam().options.type);
    EXPECT_FALSE(checkpoint.Has("lm_head.weight"));
    EXPECT_FALSE(checkpoint.Has("h.0.attn.bias"));
    EXPECT_FALSE(checkpoint.Has("transformer.wte.weight"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, CheckpointFormTest,
                         testing::Values(Form{"F32", Options(WeightType::kF32, 0, false, false)},
                                         Form{"F16", Options(WeightType::kF16, 0, true, false)},
                                         Form{"BF16", Options(WeightType::kBF16, 0, false, true)},
                                         Form{"OneShard", Options(WeightType::kF32, 1, false, false)},
                                         Form{"ThreeShards", Options(WeightType::kF16, 3, true, true)}),
                         [](const auto& form) { return std::string(form.param.name); });

// A model of every tensor kind, one of which is then spoilt.
class CheckpointTest : public testing::Test {
 protected:
  MadeTensor& Tensor(const std::string& name) {
    for (MadeTensor& tensor : tensors_) {
      if (tensor.name == name) return tensor;
    }
    throw std::out_of_range(name);
  }

  void Add(const std::string& name, std::vector<int64_t> shape, float value = 1.0f) {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    tensors_.push_back({name, std::move(shape), std::vector<float>(static_cast<size_t>(size), value)});
  }

  void Remove(const std::string& name) {
    std::erase_if(tensors_, [&](const MadeTensor& tensor) { return tensor.name == name; });
  }

  void Write() { WriteCheckpoint(model_, config_, tensors_); }

  // What opening it says.
  Warnings WarningsOf() {
    Write();
    Warnings warnings;
    Checkpoint::Open(model_, {}, &warnings);
    return warnings;
  }

  void ExpectRefused(const std::vector<std::string>& parts) {
    Write();
    ExpectError([&] { Checkpoint::Open(model_); }, kBad, parts);
  }

  const TempDir dir_;
  const std::filesystem::path model_ = dir_ / "m";
  const std::string file_ = (model_ / "model.safetensors").string();
  const std::string config_file_ = (model_ / "config.json").string();
  ModelConfig config_ = SmallConfig(2, 2, 3, 4, 10, 7);
  std::vector<MadeTensor> tensors_ = MakeTensors(config_);
};

TEST_F(CheckpointTest, EveryMissingTensorIsNamed) {
  const std::vector<MadeTensor> all = tensors_;
  for (const MadeTensor& tensor : all) {
    if (tensor.name.ends_with("bias") && !tensor.name.ends_with("int_bias")) continue;
    tensors_ = all;
    Remove(tensor.name);
    ExpectRefused({file_ + ": tensor " + tensor.name + " is missing, " + config_file_ + " says n_layer 2"});
  }
}

// A GPT-2 that was trained without biases saves none.
TEST_F(CheckpointTest, MissingBiasesAreZeros) {
  Remove("h.1.mlp.c_fc.bias");
  EXPECT_EQ(WarningsOf(), Warnings{file_ + ": h.1.mlp.c_fc.bias: missing, taken as zeros"});
  const std::vector<int64_t> shape = {24};
  EXPECT_EQ(Checkpoint::Open(model_).Read("h.1.mlp.c_fc.bias", shape), std::vector<float>(24));
  std::erase_if(tensors_, [](const MadeTensor& tensor) { return tensor.name.ends_with(".bias"); });
  EXPECT_EQ(WarningsOf(),
            Warnings{file_ + ": h.0.ln_1.bias, h.0.attn.c_attn.bias, h.0.attn.c_proj.bias, .. (13): missing, taken as "
                             "zeros"});
}

TEST_F(CheckpointTest, EveryWrongShapeIsNamedWithBothShapes) {
  const std::vector<MadeTensor> all = tensors_;
  for (size_t i = 0; i < all.size(); ++i) {
    tensors_ = all;
    std::string right = "config says [";
    for (const int64_t n : all[i].shape) right += (right.back() == '[' ? "" : ", ") + std::to_string(n);
    if (all[i].name == "wte.weight" || all[i].name == "wpe.weight") continue;  // their rows are V and P
    tensors_[i].shape[0] += 1;
    const size_t row = all[i].values.size() / static_cast<size_t>(all[i].shape[0]);
    tensors_[i].values.resize(tensors_[i].values.size() + row);
    ExpectRefused({file_ + ": tensor " + all[i].name + " is [" + std::to_string(tensors_[i].shape[0]), right + "]"});
    tensors_[i] = {all[i].name, {1, static_cast<int64_t>(all[i].values.size()), 1}, all[i].values};
    ExpectRefused({": tensor " + all[i].name + " is [1, ", right + "]"});
  }
}

TEST_F(CheckpointTest, TransposedLinearIsRefused) {
  Tensor("h.1.mlp.c_fc.weight").shape = {24, 6};
  ExpectRefused({"tensor h.1.mlp.c_fc.weight is [24, 6], config says [6, 24]"});
}

TEST_F(CheckpointTest, EveryWrongTypeIsNamed) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    std::vector<TensorToWrite> list;
    for (size_t k = 0; k < tensors_.size(); ++k) {
      list.push_back({tensors_[k].name, k == i ? DType::kI32 : DType::kF32, tensors_[k].shape,
                      std::as_bytes(std::span(tensors_[k].values))});
    }
    Write();
    WriteSafetensors(file_, list);
    ExpectError([&] { Checkpoint::Open(model_); }, kBad,
                {file_ + ": tensor " + tensors_[i].name + " is I32, expected F32, F16, BF16 or F64"});
  }
}

TEST_F(CheckpointTest, EveryNonFiniteTensorIsNamedWithItsIndex) {
  const std::vector<MadeTensor> all = tensors_;
  const std::pair<float, std::string> bads[] = {{std::nanf(""), "nan"}, {INFINITY, "inf"}, {-INFINITY, "-inf"}};
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [value, name] = bads[i % 3];
    tensors_ = all;
    tensors_[i].values.back() = value;
    Write();
    const Checkpoint checkpoint = Checkpoint::Open(model_);
    const std::string index = std::to_string(all[i].values.size() - 1);
    ExpectError([&] { checkpoint.Read(all[i].name, all[i].shape); }, kBad,
                {file_ + ": tensor " + all[i].name + " holds " + name + " at index " + index + " of "});
  }
}

TEST_F(CheckpointTest, ReadChecksNameAndShape) {
  Write();
  const Checkpoint checkpoint = Checkpoint::Open(model_);
  const std::vector<int64_t> shape = {6, 10};
  ExpectError([&] { checkpoint.Read("wte.weight", shape); }, kBad,
              {file_ + ": tensor wte.weight is [10, 6], config says [6, 10]"});
  ExpectError([&] { checkpoint.Read("h.2.ln_1.bias", shape); }, kBad, {file_ + ": tensor h.2.ln_1.bias is missing"});
}

TEST_F(CheckpointTest, ScalarIntBiasIsRead) {
  Tensor("h.1.attn.int_bias").shape = {};
  Write();
  const std::vector<int64_t> shape = {1};
  EXPECT_EQ(Checkpoint::Open(model_).Read("h.1.attn.int_bias", shape), Tensor("h.1.attn.int_bias").values);
}

TEST_F(CheckpointTest, ConfigAndTensorsThatDisagree) {
  config_.n_layer = 3;
  ExpectRefused({file_ + ": tensor h.2.ln_1.weight is missing", config_file_ + " says n_layer 3"});
  config_.n_layer = std::numeric_limits<int>::max();
  ExpectRefused({"tensor h.2.ln_1.weight is missing", "says n_layer 2147483647"});
  config_ = SmallConfig(2, 2, 3, 5, 10, 7);
  ExpectRefused({"tensor h.0.attn.", "_int.weight is [4, 6], config says [5, 6]"});
}

TEST_F(CheckpointTest, LayersBeyondThoseOfTheConfigAreLeftOut) {
  config_.n_layer = 1;
  const Warnings warnings = WarningsOf();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(warnings[0].starts_with(file_ + ": h.1.attn.c_attn.bias, ")) << warnings[0];
  EXPECT_TRUE(warnings[0].ends_with(".. (15): left out, " + config_file_ + " says n_layer 1")) << warnings[0];
  EXPECT_EQ(Checkpoint::Open(model_).config().n_layer, 1);
}

// A vocabulary that was padded, or that a tokenizer outgrew: the tensor is what there is.
TEST_F(CheckpointTest, TablesHaveTheRowsOfTheirTensors) {
  for (const auto& [vocabulary, positions] : {std::pair(11, 7), {9, 7}, {10, 5}, {10, 70}}) {
    config_ = SmallConfig(2, 2, 3, 4, vocabulary, positions);
    config_.bos_token_id = 9;
    config_.eos_token_ids = {9};
    const bool is_vocabulary = vocabulary != 10;
    const std::string says =
        is_vocabulary
            ? "vocab_size is " + std::to_string(vocabulary) + ", expected 10, the rows of wte.weight: there are 10"
            : "n_positions is " + std::to_string(positions) + ", expected 7, the rows of wpe.weight: there are 7";
    EXPECT_EQ(WarningsOf(), Warnings{config_file_ + ": " + says});
    const ModelConfig config = Checkpoint::Open(model_).config();
    EXPECT_EQ(config.vocab_size, 10);
    EXPECT_EQ(config.n_positions, 7);
    EXPECT_EQ(config.eos_token_ids, std::vector<TokenId>{9});
  }
}

TEST_F(CheckpointTest, InteractionTensorsAndDcpBelongTogether) {
  config_.int_n_embd = 0;
  ExpectRefused({file_ + ": tensor h.0.attn.int_bias is an interaction tensor, " + config_file_ + " has no \"dcp\""});
  tensors_ = MakeTensors(config_);
  config_.int_n_embd = 4;
  ExpectRefused({file_ + ": tensor h.0.attn.q_int.weight is missing, " + config_file_, "dcp.int_n_embd 4"});
}

TEST_F(CheckpointTest, NamesThatMeanNothing) {
  Add("score.weight", {2, 6});
  Add("multiple_choice_head.summary.bias", {1});
  EXPECT_EQ(WarningsOf(),
            Warnings{file_ + ": multiple_choice_head.summary.bias, score.weight: not of a language model, "
                             "left out"});
  EXPECT_FALSE(Checkpoint::Open(model_).Has("score.weight"));
  for (const char* name : {"h.0.attn.q_norm.weight", "h.01.ln_1.weight", "h.-1.ln_1.weight", "h.x.ln_1.weight", "h.",
                           "h.99999999999999999999.ln_1.weight"}) {
    Add(name, {1});
    ExpectRefused({file_ + ": tensor " + name + " is not a tensor of a GPT-2 layer"});
    Remove(name);
  }
}

TEST_F(CheckpointTest, Float64AndMixedTypes) {
  const auto write = [&](const std::function<DType(const std::string&)>& type_of) {
    std::vector<std::vector<std::byte>> bytes;
    std::vector<TensorToWrite> list;
    bytes.reserve(tensors_.size());
    for (const MadeTensor& tensor : tensors_) {
      const DType type = type_of(tensor.name);
      std::vector<double> doubles(tensor.values.begin(), tensor.values.end());
      const auto whole =
          type == DType::kF64 ? std::as_bytes(std::span(doubles)) : std::as_bytes(std::span(tensor.values));
      bytes.emplace_back(whole.begin(), whole.end());
      if (type == DType::kBF16 || type == DType::kF16) bytes.back().assign(2 * tensor.values.size(), std::byte{0});
      list.push_back({tensor.name, type, tensor.shape, bytes.back()});
    }
    Write();
    WriteSafetensors(file_, list);
    return Checkpoint::Open(model_);
  };
  const Checkpoint wide = write([](const std::string&) { return DType::kF64; });
  EXPECT_EQ(wide.stored_type(), WeightType::kF32);
  for (const MadeTensor& tensor : tensors_) EXPECT_EQ(wide.Read(tensor.name, tensor.shape), tensor.values);
  const auto is_matrix = [](const std::string& name) { return name.find(".c_") != name.npos || name == "wte.weight"; };
  // Matrices decide: what is small is kept in float32 whatever the type.
  EXPECT_EQ(write([&](const std::string& name) {
              return is_matrix(name) && name.ends_with("weight") ? DType::kBF16 : DType::kF32;
            }).stored_type(),
            WeightType::kBF16);
  // One float32 among them, or two that neither holds the other's values, and nothing may be lost.
  EXPECT_EQ(write([&](const std::string& name) {
              return name == "h.1.mlp.c_fc.weight" ? DType::kF32 : DType::kF16;
            }).stored_type(),
            WeightType::kF32);
  EXPECT_EQ(
      write([&](const std::string& name) { return name == "wte.weight" ? DType::kF16 : DType::kBF16; }).stored_type(),
      WeightType::kF32);
}

TEST_F(CheckpointTest, OneTensorUnderTwoNames) {
  Add("transformer.ln_f.bias", {6});
  ExpectRefused({file_ + ": tensor ln_f.bias is there twice, with and without a prefix"});
}

// The config decides, as for Hugging Face: a tied model has no use for a head that ships.
TEST_F(CheckpointTest, HeadOfATiedModelIsNotRead) {
  const std::string rule = ": it is not read, " + config_file_ + " ties it to that";
  Add("lm_head.weight", {10, 6});
  Tensor("lm_head.weight").values = Tensor("wte.weight").values;
  EXPECT_EQ(WarningsOf(), Warnings{});
  EXPECT_FALSE(Checkpoint::Open(model_).Has("lm_head.weight"));
  Tensor("lm_head.weight").values[17] += 1.0f;
  EXPECT_EQ(WarningsOf(), Warnings{file_ + ": tensor lm_head.weight differs from wte.weight at index 17" + rule});
  Tensor("lm_head.weight").shape = {6, 10};
  EXPECT_EQ(WarningsOf(), Warnings{file_ + ": tensor lm_head.weight is F32 [6, 10], wte.weight is F32 [10, 6]" + rule});
  EXPECT_FALSE(Checkpoint::Open(model_).Has("lm_head.weight"));
}

TEST_F(CheckpointTest, HeadOfAnUntiedModel) {
  config_.tie_word_embeddings = false;
  ExpectRefused({file_ + ": tensor lm_head.weight is missing, " + config_file_ + " says tie_word_embeddings false"});
  Add("lm_head.weight", {10, 6}, 0.25f);
  Write();
  const std::vector<int64_t> shape = {10, 6};
  EXPECT_EQ(Checkpoint::Open(model_).Read("lm_head.weight", shape), std::vector<float>(60, 0.25f));
  Tensor("lm_head.weight").shape = {6, 10};
  ExpectRefused({file_ + ": tensor lm_head.weight is [6, 10], config says [10, 6]"});
}

TEST_F(CheckpointTest, MissingFiles) {
  ExpectError([&] { Checkpoint::Open(model_); }, ErrorCode::kIo, {config_file_ + ": cannot open: No such file"});
  Write();
  std::filesystem::remove(file_);
  ExpectError([&] { Checkpoint::Open(model_); }, ErrorCode::kIo,
              {file_ + ": no such file; and no model.safetensors.index.json"});
  std::filesystem::create_directory(file_);
  ExpectError([&] { Checkpoint::Open(model_); }, ErrorCode::kIo, {file_ + ": is a directory"});
}

TEST_F(CheckpointTest, TruncationAtEveryBoundary) {
  Write();
  const std::string good = ReadText(file_);
  const size_t header = static_cast<unsigned char>(good[0]) + 256u * static_cast<unsigned char>(good[1]);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{9}, header / 2, header + 7, header + 8,
                            header + 9, (header + good.size()) / 2, good.size() - 1}) {
    WriteText(file_, good.substr(0, size));
    SCOPED_TRACE(size);
    const std::string left = size < header + 8 ? std::to_string(size) : std::to_string(size - header - 8);
    ExpectError([&] { Checkpoint::Open(model_); }, kBad, {file_ + ": ", left});
  }
}

}  // namespace
}  // namespace dcp
