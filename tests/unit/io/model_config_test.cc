#include "dcp/model_config.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using nlohmann::json;
using reference::WriteText;

// As the published GPT-2 has it, with what this project does not need left in.
json GoodConfig() {
  return json::parse(R"({
    "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
    "bos_token_id": 95, "embd_pdrop": 0.1, "eos_token_id": 95, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 48, "n_embd": 12, "n_head": 3, "n_layer": 2,
    "n_positions": 48, "resid_pdrop": 0.1, "task_specific_params": {"text-generation": {"max_length": 50}},
    "vocab_size": 96, "dcp": {"version": 1, "int_n_embd": 5}})");
}

ModelConfig Load(const TempDir& dir, const json& config) {
  WriteText(dir / "config.json", config.dump());
  return LoadModelConfig(dir / "config.json");
}

TEST(ModelConfigTest, ReadsEveryField) {
  const TempDir dir;
  const ModelConfig config = Load(dir, GoodConfig());
  EXPECT_EQ(config.n_layer, 2);
  EXPECT_EQ(config.n_head, 3);
  EXPECT_EQ(config.n_embd, 12);
  EXPECT_EQ(config.head_dim(), 4);
  EXPECT_EQ(config.n_inner, 48);
  EXPECT_EQ(config.n_positions, 48);
  EXPECT_EQ(config.vocab_size, 96);
  EXPECT_EQ(config.int_n_embd, 5);
  EXPECT_EQ(config.eviction_delay, 0);
  EXPECT_EQ(config.layer_norm_epsilon, 1e-5f);
  EXPECT_EQ(config.bos_token_id, 95);
  EXPECT_EQ(config.eos_token_ids, std::vector<TokenId>{95});
}

TEST(ModelConfigTest, WhatMayBeAbsentOrNull) {
  const TempDir dir;
  json config = GoodConfig();
  config.erase("dcp");
  config.erase("eos_token_id");
  config.erase("activation_function");
  config.erase("layer_norm_epsilon");
  config["bos_token_id"] = nullptr;
  config["n_inner"] = nullptr;
  const ModelConfig loaded = Load(dir, config);
  EXPECT_EQ(loaded.int_n_embd, 0);
  EXPECT_TRUE(loaded.eos_token_ids.empty());
  EXPECT_EQ(loaded.bos_token_id, std::nullopt);
  EXPECT_EQ(loaded.n_inner, 48);
  EXPECT_EQ(loaded.layer_norm_epsilon, 1e-5f);
}

TEST(ModelConfigTest, EndOfTextIsOneIdOrAList) {
  const TempDir dir;
  json config = GoodConfig();
  config["eos_token_id"] = {95, 3, 95};
  const ModelConfig loaded = Load(dir, config);
  EXPECT_EQ(loaded.eos_token_ids, (std::vector<TokenId>{95, 3}));
  EXPECT_TRUE(loaded.IsEndOfText(3));
  EXPECT_FALSE(loaded.IsEndOfText(4));
  config["eos_token_id"] = json::array();
  EXPECT_TRUE(Load(dir, config).eos_token_ids.empty());
}

TEST(ModelConfigTest, IdsBeyondTheVocabularyAreLeftOutWithAWarning) {
  const TempDir dir;
  json config = GoodConfig();
  config["eos_token_id"] = {96, 7, -1};
  config["bos_token_id"] = 5000000000;
  WriteText(dir / "config.json", config.dump());
  Warnings warnings;
  const ModelConfig loaded = LoadModelConfig(dir / "config.json", &warnings);
  EXPECT_EQ(loaded.eos_token_ids, std::vector<TokenId>{7});
  EXPECT_EQ(loaded.bos_token_id, std::nullopt);
  const std::string file = (dir / "config.json").string();
  const std::string range = ", expected 0 to 95, the model's vocabulary: is left out";
  EXPECT_EQ(warnings, (Warnings{file + ": bos_token_id is 5000000000" + range, file + ": eos_token_id[0] is 96" + range,
                                file + ": eos_token_id[2] is -1" + range}));
}

TEST(ModelConfigTest, GenerationConfigGoesFirst) {
  const TempDir dir;
  const auto read = [&](const json& generation) {
    WriteText(dir / "config.json", GoodConfig().dump());
    WriteText(dir / "generation_config.json", generation.dump());
    return ReadModelConfig(dir.path());
  };
  const ModelConfig both = read({{"eos_token_id", {1, 2}}, {"bos_token_id", 4}, {"max_length", 50}});
  EXPECT_EQ(both.eos_token_ids, (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(both.bos_token_id, 4);
  const ModelConfig neither = read({{"eos_token_id", nullptr}});
  EXPECT_EQ(neither.eos_token_ids, std::vector<TokenId>{95});
  EXPECT_EQ(neither.bos_token_id, 95);
  ExpectError(
      [&] {
        read({{"eos_token_id", "2"}});
      },
      ErrorCode::kInvalidModel,
      {(dir / "generation_config.json").string() + ": eos_token_id is \"2\", expected an integer"});
  WriteText(dir / "generation_config.json", "{\"eos_token_id\": ");
  ExpectError([&] { ReadModelConfig(dir.path()); }, ErrorCode::kInvalidModel,
              {(dir / "generation_config.json").string() + ": is not valid JSON"});
}

TEST(ModelConfigTest, EvictionDelay) {
  const TempDir dir;
  for (const int delay : {0, 1, 48}) {
    json config = GoodConfig();
    config["dcp"]["eviction_delay"] = delay;
    EXPECT_EQ(Load(dir, config).eviction_delay, delay);
  }
}

TEST(ModelConfigTest, HarmlessVariantsAreRead) {
  const TempDir dir;
  json config = GoodConfig();
  config["activation_function"] = "gelu_pytorch_tanh";
  config["n_inner"] = 7;
  config["n_ctx"] = 9999;
  config["tie_word_embeddings"] = true;
  config["scale_attn_weights"] = true;
  config["scale_attn_by_inverse_layer_idx"] = false;
  config["reorder_and_upcast_attn"] = true;  // another order of the same sums
  config["add_cross_attention"] = false;
  EXPECT_EQ(Load(dir, config).n_inner, 7);
}

TEST(ModelConfigTest, WithoutModelTypeItIsAGpt2) {
  const TempDir dir;
  json config = GoodConfig();
  config.erase("model_type");
  WriteText(dir / "config.json", config.dump());
  Warnings warnings;
  EXPECT_EQ(LoadModelConfig(dir / "config.json", &warnings).n_layer, 2);
  EXPECT_EQ(warnings,
            Warnings{(dir / "config.json").string() + ": model_type is missing, expected \"gpt2\": is read as that"});
}

TEST(ModelConfigTest, OtherNamesOfFields) {
  const TempDir dir;
  json config = GoodConfig();
  for (const auto& [name, other] : {std::pair("n_layer", "num_hidden_layers"),
                                    {"n_head", "num_attention_heads"},
                                    {"n_embd", "hidden_size"},
                                    {"n_positions", "max_position_embeddings"}}) {
    config[other] = config[name];
    config.erase(name);
  }
  const ModelConfig loaded = Load(dir, config);
  EXPECT_EQ(loaded.n_layer, 2);
  EXPECT_EQ(loaded.n_head, 3);
  EXPECT_EQ(loaded.n_embd, 12);
  EXPECT_EQ(loaded.n_positions, 48);
  config.erase("max_position_embeddings");
  config["n_ctx"] = 24;
  EXPECT_EQ(Load(dir, config).n_positions, 24);
  config["n_positions"] = 12;
  EXPECT_EQ(Load(dir, config).n_positions, 12);
}

TEST(ModelConfigTest, Variants) {
  const TempDir dir;
  const ModelConfig plain = Load(dir, GoodConfig());
  EXPECT_EQ(plain.activation, Activation::kGeluTanh);
  EXPECT_TRUE(plain.scale_attn_weights);
  EXPECT_FALSE(plain.scale_attn_by_inverse_layer_idx);
  EXPECT_TRUE(plain.tie_word_embeddings);
  json config = GoodConfig();
  config["scale_attn_weights"] = false;
  EXPECT_FALSE(Load(dir, config).scale_attn_weights);
  config["scale_attn_by_inverse_layer_idx"] = true;
  EXPECT_TRUE(Load(dir, config).scale_attn_by_inverse_layer_idx);
  config["tie_word_embeddings"] = false;
  EXPECT_FALSE(Load(dir, config).tie_word_embeddings);
}

TEST(ModelConfigTest, ActivationsByAllTheirNames) {
  const TempDir dir;
  const std::pair<const char*, Activation> names[] = {{"gelu_new", Activation::kGeluTanh},
                                                      {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                                      {"gelu_fast", Activation::kGeluTanh},
                                                      {"gelu_accurate", Activation::kGeluTanh},
                                                      {"gelu", Activation::kGelu},
                                                      {"gelu_python", Activation::kGelu},
                                                      {"quick_gelu", Activation::kQuickGelu},
                                                      {"silu", Activation::kSilu},
                                                      {"swish", Activation::kSilu},
                                                      {"relu", Activation::kRelu},
                                                      {"tanh", Activation::kTanh},
                                                      {"linear", Activation::kIdentity}};
  for (const auto& [name, activation] : names) {
    json config = GoodConfig();
    config["activation_function"] = name;
    EXPECT_EQ(Load(dir, config).activation, activation) << name;
    config["activation_function"] = ToString(activation);
    EXPECT_EQ(Load(dir, config).activation, activation) << "by the name of " << name;
  }
}

TEST(ModelConfigTest, AttentionFactor) {
  ModelConfig config = reference::SmallConfig(3, 2, 16);
  EXPECT_EQ(config.AttentionFactor(2), 1.0f);
  config.scale_attn_by_inverse_layer_idx = true;
  EXPECT_EQ(config.AttentionFactor(0), 1.0f);
  EXPECT_EQ(config.AttentionFactor(1), 0.5f);
  config.scale_attn_weights = false;
  EXPECT_EQ(config.AttentionFactor(1), 2.0f);
}

struct BadField {
  const char* name;
  const char* patch;  // merged into the good config; null removes a field
  std::string said;
};

class BadConfigTest : public testing::TestWithParam<BadField> {};

TEST_P(BadConfigTest, IsRefusedInOneClearLine) {
  const TempDir dir;
  json config = GoodConfig();
  config.merge_patch(json::parse(GetParam().patch));
  ExpectError([&] { Load(dir, config); }, ErrorCode::kInvalidModel,
              {(dir / "config.json").string() + ": ", GetParam().said});
}

const BadField kBadFields[] = {
    {"OtherModelType", R"({"model_type": "gpt_neo"})", "model_type is \"gpt_neo\", expected \"gpt2\""},
    {"Activation", R"({"activation_function": "mish"})",
     "activation_function is \"mish\", expected one of gelu_new, gelu_pytorch_tanh, gelu_fast, gelu_accurate, gelu, "
     "gelu_python, quick_gelu, silu, swish, relu, tanh, linear"},
    {"ActivationType", R"({"activation_function": 3})", "activation_function is 3"},
    {"UntiedType", R"({"tie_word_embeddings": 0})", "tie_word_embeddings is 0, expected true or false"},
    {"UnscaledType", R"({"scale_attn_weights": "yes"})", "scale_attn_weights is \"yes\", expected true or false"},
    {"ScaledByLayerType", R"({"scale_attn_by_inverse_layer_idx": []})", "scale_attn_by_inverse_layer_idx is an array"},
    {"CrossAttention", R"({"add_cross_attention": true})", "add_cross_attention is true, expected false"},
    {"FlagType", R"({"add_cross_attention": "no"})", "add_cross_attention is \"no\", expected true or false"},
    {"NoLayers", R"({"n_layer": null})", "n_layer is missing"},
    {"NoHeads", R"({"n_head": null})", "n_head is missing"},
    {"NoWidth", R"({"n_embd": null})", "n_embd is missing"},
    {"NoPositions", R"({"n_positions": null, "n_ctx": null})", "n_positions is missing"},
    {"NoVocabulary", R"({"vocab_size": null})", "vocab_size is missing"},
    {"ZeroLayers", R"({"n_layer": 0})", "n_layer is 0, expected at least 1"},
    {"NegativeHeads", R"({"n_head": -3})", "n_head is -3, expected at least 1"},
    {"ZeroInner", R"({"n_inner": 0})", "n_inner is 0, expected at least 1"},
    {"HeadsAsText", R"({"n_head": "four"})", "n_head is \"four\", expected an integer"},
    {"HeadsAsFraction", R"({"n_head": 3.0})", "n_head is 3.0, expected an integer"},
    {"HeadsAsArray", R"({"n_head": [3]})", "n_head is an array, expected an integer"},
    {"HeadsAsTruth", R"({"n_head": true})", "n_head is true, expected an integer"},
    {"TextWithNewline", R"({"n_head": "a\nb"})", "n_head is \"a\\nb\""},
    {"LayersTooMany", R"({"n_layer": 2147483648})", "n_layer is 2147483648, expected 1 to 2147483647"},
    {"LayersBeyond64Bits", R"({"n_layer": 99999999999999999999})", "n_layer is 1e+20, expected an integer"},
    {"LayersFarBelow", R"({"n_layer": -2147483649})", "n_layer is -2147483649"},
    {"NotAMultiple", R"({"n_head": 5})", "n_embd is 12, not a multiple of n_head, which is 5"},
    {"TooWide", R"({"n_embd": 1200000000, "n_inner": 1})", "n_embd is 1200000000"},
    {"TooWideForInner", R"({"n_embd": 600000000})", "n_embd is 600000000, expected at most 536870911"},
    {"Overflow", R"({"n_layer": 2147483647, "n_embd": 600000000, "n_inner": 5})", "the number of weights overflows"},
    {"EpsilonZero", R"({"layer_norm_epsilon": 0})", "layer_norm_epsilon is 0"},
    {"EpsilonNegative", R"({"layer_norm_epsilon": -1e-5})", "layer_norm_epsilon is -"},
    {"EpsilonInfinite", R"({"layer_norm_epsilon": 1e99})", "layer_norm_epsilon is inf"},
    {"EpsilonText", R"({"layer_norm_epsilon": "1e-5"})", "layer_norm_epsilon is \"1e-5\", expected a number"},
    {"EosText", R"({"eos_token_id": "<|endoftext|>"})", "eos_token_id is \"<|endoftext|>\", expected an integer"},
    {"EosListOfNull", R"({"eos_token_id": [95, null]})", "eos_token_id[1] is missing, expected an integer"},
    {"EosListOfLists", R"({"eos_token_id": [[95]]})", "eos_token_id[0] is an array, expected an integer"},
    {"BosList", R"({"bos_token_id": [95]})", "bos_token_id is an array, expected an integer"},
    {"DcpType", R"({"dcp": 1})", "dcp is 1, expected an object"},
    {"DcpNoVersion", R"({"dcp": {"version": null}})", "dcp.version is missing"},
    {"DcpOtherVersion", R"({"dcp": {"version": 2}})", "dcp.version is 2, expected 1"},
    {"DcpVersionText", R"({"dcp": {"version": "1"}})", "dcp.version is \"1\", expected an integer"},
    {"DcpNoWidth", R"({"dcp": {"int_n_embd": null}})", "dcp.int_n_embd is missing"},
    {"DcpZeroWidth", R"({"dcp": {"int_n_embd": 0}})", "dcp.int_n_embd is 0, expected at least 1"},
    {"DelayNegative", R"({"dcp": {"eviction_delay": -1}})", "dcp.eviction_delay is -1, expected 0 .. n_positions"},
    {"DelayBeyondPositions", R"({"dcp": {"eviction_delay": 49}})",
     "dcp.eviction_delay is 49, expected 0 .. n_positions, which is 48"},
    {"DelayFraction", R"({"dcp": {"eviction_delay": 1.5}})", "dcp.eviction_delay is 1.5, expected an integer"},
    {"DelayText", R"({"dcp": {"eviction_delay": "8"}})", "dcp.eviction_delay is \"8\", expected an integer"},
    {"DelayBeyondInt", R"({"dcp": {"eviction_delay": 2147483648}})", "dcp.eviction_delay is 2147483648"},
    {"DcpTooWide", R"({"dcp": {"int_n_embd": 1100000000}})", "dcp.int_n_embd is 1100000000"},
};

INSTANTIATE_TEST_SUITE_P(All, BadConfigTest, testing::ValuesIn(kBadFields),
                         [](const auto& bad) { return std::string(bad.param.name); });

TEST(ModelConfigTest, FilesThatAreNoJsonObject) {
  const TempDir dir;
  const std::string path = (dir / "config.json").string();
  const auto load = [&] { LoadModelConfig(path); };
  ExpectError(load, ErrorCode::kIo, {path + ": cannot open: No such file or directory"});
  const auto code = ErrorCode::kInvalidModel;
  WriteText(path, "");
  ExpectError(load, code, {path + ": is empty"});
  WriteText(path, "[1, 2]");
  ExpectError(load, code, {path + ": is an array, expected a JSON object"});
  WriteText(path, "{\"n_layer\": 1, \"n_layer\": 2}");
  ExpectError(load, code, {path + ": key \"n_layer\" is given twice"});
  WriteText(path, std::string(1'000'000, '['));
  ExpectError(load, code, {path + ": is nested deeper than 64"});
  const std::string good = GoodConfig().dump();
  for (size_t size = 1; size < good.size(); ++size) {
    WriteText(path, good.substr(0, size));
    ExpectError(load, code, {path + ": is not valid JSON: "});
  }
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  ExpectError(load, ErrorCode::kIo, {path + ": is a directory"});
}

TEST(ModelConfigTest, ParameterCountIsThatOfTheTensors) {
  for (const int r : {0, 5}) {
    ModelConfig config = reference::SmallConfig(3, 2, 7, r, 33, 21);
    config.n_inner = 19;
    config.tie_word_embeddings = r == 0;
    int64_t count = 0;
    for (const auto& tensor : reference::MakeTensors(config)) count += static_cast<int64_t>(tensor.values.size());
    EXPECT_EQ(config.ParameterCount(), count);
  }
}

TEST(ModelConfigTest, ParameterCountOfGpt2) {
  ModelConfig config;
  config.n_layer = 12;
  config.n_head = 12;
  config.n_embd = 768;
  config.n_inner = 3072;
  config.n_positions = 1024;
  config.vocab_size = 50257;
  EXPECT_EQ(config.ParameterCount(), 124'439'808);
}

TEST(ModelConfigTest, ValidateNamesItsSource) {
  ModelConfig config = reference::SmallConfig();
  config.Validate("here");
  config.layer_norm_epsilon = std::numeric_limits<float>::quiet_NaN();
  ExpectError([&] { config.Validate("here"); }, ErrorCode::kInvalidModel, {"here: layer_norm_epsilon is nan"});
  config = reference::SmallConfig();
  config.int_n_embd = -1;
  ExpectError([&] { config.Validate("here"); }, ErrorCode::kInvalidModel, {"here: dcp.int_n_embd is -1"});
  ExpectError([] { ModelConfig().Validate("here"); }, ErrorCode::kInvalidModel, {"here: n_layer is 0"});
}

}  // namespace
}  // namespace dcp
