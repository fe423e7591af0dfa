// Where tools take a model from: directories of the hub's cache, LoRA adapters, models that differ from the published
// GPT-2; and what they say where something is odd or wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "common/hub_cache.h"
#include "dcp-bench/bench_tool.h"
#include "dcp-eval/eval_tool.h"
#include "dcp-generate/generate_tool.h"
#include "dcp-inspect/inspect_tool.h"
#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"
#include "writers/safetensors_writer.h"

namespace dcp::tools {
namespace {

namespace fs = std::filesystem;
using reference::ReadText;
using reference::WriteText;

class ModelSourceTest : public testing::Test {
 protected:
  // LoRA of rank 2 on the first layer's c_attn of a ByteModel, every number of it `value`.
  std::string MakeLora(const std::string& name, float value, int64_t width = 0) {
    const ModelConfig config = ByteModelConfig();
    if (width == 0) width = config.n_embd;
    const fs::path adapter = dir_ / name;
    fs::create_directories(adapter);
    WriteText(adapter / "adapter_config.json", R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4})");
    const std::vector<float> a(static_cast<size_t>(2 * width), value), b(static_cast<size_t>(3 * width * 2), value);
    const std::string module = "base_model.model.transformer.h.0.attn.c_attn.";
    WriteSafetensors(adapter / "adapter_model.safetensors",
                     {{module + "lora_A.weight", DType::kF32, {2, width}, std::as_bytes(std::span(a))},
                      {module + "lora_B.weight", DType::kF32, {3 * width, 2}, std::as_bytes(std::span(b))}});
    return adapter.string();
  }

  std::vector<float> Logits(const Args& more) {
    const std::string file = dir_ / "logits.json";
    Args args = {"--model", model_, "--prompt-ids", "5,9,200,31", "--max-new-tokens", "1", "--logits", file};
    args.insert(args.end(), more.begin(), more.end());
    Generate(args);
    return Json::parse(ReadText(file))["sequences"][0]["prompt_logits"];
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(ModelSourceTest, SnapshotsOfTheHubsCache) {
  const fs::path cache = dir_ / "models--someone--model";
  fs::create_directories(cache / "snapshots" / "abc");
  EXPECT_EQ(SnapshotOf(cache.string()), (cache / "snapshots/abc").string()) << "the only one";
  fs::create_directories(cache / "snapshots" / "def");
  try {
    SnapshotOf(cache.string());
    ADD_FAILURE() << "two are not one";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("has 2 snapshots, none of which refs/main names"), std::string::npos);
  }
  fs::create_directories(cache / "refs");
  WriteText(cache / "refs" / "main", "def\n");
  EXPECT_EQ(SnapshotOf(cache.string()), (cache / "snapshots/def").string());
  for (const char* odd : {"../abc", "..", "", "nothing"}) {
    WriteText(cache / "refs" / "main", odd);
    EXPECT_THROW(SnapshotOf(cache.string()), Error) << odd;
  }
  EXPECT_EQ(SnapshotOf(model_), model_);
  EXPECT_EQ(SnapshotOf("no/such/directory"), "no/such/directory");
}

TEST_F(ModelSourceTest, EveryToolTakesTheHubsCache) {
  const fs::path cache = dir_ / "models--someone--model";
  fs::create_directories(cache / "snapshots");
  fs::copy(model_, cache / "snapshots" / "abc", fs::copy_options::recursive);
  const ToolRun direct = Generate({"--model", model_, "--prompt", "abc", "--max-new-tokens", "5", "--ignore-eos"});
  const ToolRun cached =
      Generate({"--model", cache.string(), "--prompt", "abc", "--max-new-tokens", "5", "--ignore-eos"});
  EXPECT_EQ(direct.out, cached.out);
}

TEST_F(ModelSourceTest, LoraChangesTheLogits) {
  const std::vector<float> plain = Logits({});
  EXPECT_EQ(Logits({"--adapter", MakeLora("zero", 0.0f)}), plain);
  EXPECT_NE(Logits({"--adapter", MakeLora("some", 0.1f)}), plain);
}

TEST_F(ModelSourceTest, EveryToolTakesVariantsAndLora) {
  ModelConfig config = ByteModelConfig();
  config.activation = Activation::kRelu;
  config.tie_word_embeddings = false;
  config.scale_attn_by_inverse_layer_idx = true;
  model_ = MakeByteModel(dir_, "variant", config);
  const std::string adapter = MakeLora("lora", 0.1f);
  WriteText(dir_ / "text.txt", "The old man opened the door and looked out.");
  const Args source = {"--model", model_, "--adapter", adapter};
  const auto with = [&](Args args, const Args& more) {
    args.insert(args.end(), source.begin(), source.end());
    args.insert(args.end(), more.begin(), more.end());
    return args;
  };
  Generate(with({}, {"--prompt", "abc", "--max-new-tokens", "3"}));
  EXPECT_GT(Eval(with({"perplexity"}, {"--text", dir_ / "text.txt", "--json"})).json()["perplexity"], 1.0);
  Inspect(with({}, {"--prompt", "abc", "--generate", "3"}));
  const ToolRun bench = RunTool(BenchMain, with({}, {"--batch", "1", "--context", "8", "--steps", "2", "--repeats", "1",
                                                     "--json", dir_ / "b.json"}));
  EXPECT_EQ(bench.status, kExitDone) << bench.err;
}

TEST_F(ModelSourceTest, WhatIsOddIsSaidOnce) {
  ModelConfig config = ByteModelConfig();
  Json json = Json::parse(reference::ConfigJson(config));
  json.erase("model_type");
  WriteText(model_ + "/config.json", json.dump());
  const std::string warning =
      ": warning: " + model_ + "/config.json: model_type is missing, expected \"gpt2\": is read as that\n";
  EXPECT_TRUE(Generate({"--model", model_, "--prompt", "abc", "--max-new-tokens", "1"})
                  .err.starts_with("dcp-generate" + warning));
  const ToolRun bench = RunTool(BenchMain, {"--model", model_, "--batch", "1", "--context", "8", "--steps", "2",
                                            "--repeats", "1", "--weights", "f32,i8", "--json", dir_ / "b.json"});
  EXPECT_EQ(bench.status, kExitDone) << bench.err;
  const size_t first = bench.err.find("dcp-bench" + warning);
  EXPECT_NE(first, std::string::npos) << bench.err;
  EXPECT_EQ(bench.err.find("model_type", first + warning.size()), std::string::npos) << bench.err;
}

TEST_F(ModelSourceTest, BadAdapters) {
  const auto refuse = [&](const std::string& adapter, const std::vector<std::string>& words) {
    SCOPED_TRACE(words[0]);
    ExpectRefused(RunTool(GenerateMain, {"--model", model_, "--prompt", "a", "--adapter", adapter}), "dcp-generate",
                  words);
  };
  const std::string file = "/adapter_model.safetensors: ";
  const std::string wide = MakeLora("wide", 0.1f, 2 * ByteModelConfig().n_embd);
  refuse(wide,
         {wide + file, ".lora_A.weight is [2, ", "h.0.attn.c_attn.weight of " + model_ + "/config.json, which is ["});
  const std::string good = MakeLora("good", 0.1f);
  WriteText(good + "/adapter_config.json", R"({"peft_type": "LORA", "r": 3, "lora_alpha": 4})");
  refuse(good, {good + file, "with r 3 (" + good + "/adapter_config.json)"});
  WriteText(good + "/adapter_config.json", R"({"peft_type": "PREFIX_TUNING"})");
  refuse(good, {good + "/adapter_config.json: peft_type is \"PREFIX_TUNING\", expected \"LORA\""});
  WriteText(good + "/adapter_config.json", R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4)");
  refuse(good, {good + "/adapter_config.json: is not valid JSON"});
  WriteText(good + "/adapter_config.json", R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4})");
  fs::resize_file(good + "/adapter_model.safetensors", fs::file_size(good + "/adapter_model.safetensors") - 3);
  refuse(good, {good + file, "a download that was not finished?"});
  const std::string damaged = MakeLora("damaged", std::nanf(""));
  refuse(damaged, {damaged + file, ".lora_A.weight holds nan at index 0"});
}

}  // namespace
}  // namespace dcp::tools
