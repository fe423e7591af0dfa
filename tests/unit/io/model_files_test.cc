// Directories that hold a model in another form than safetensors, or no whole one.
#include "io/checkpoint.h"
#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using reference::WriteText;

TEST(ModelFilesTest, WhatIsThereInstead) {
  const std::pair<const char*, std::string> cases[] = {
      {"pytorch_model.bin",
       "pytorch_model.bin is there, weights of PyTorch: make safetensors of it with dcp-finetune "
       "convert --base DIRECTORY --out DIR"},
      {"pytorch_model-00001-of-00002.bin", "dcp-finetune convert"},
      {"consolidated.00.pth", "dcp-finetune convert"},
      {"adapter_model.safetensors", "an adapter: name its directory with --adapter"},
      {"adapter.safetensors", "an adapter: name its directory with --adapter"},
      {"model.safetensors.incomplete", "a download that was not finished: fetch it again"},
      {"model-00001-of-00002.safetensors", "a shard of a model: its index, model.safetensors.index.json, is missing"},
      {"gpt2.safetensors", "safetensors under another name: call it model.safetensors"},
      {"gpt2-q8_0.gguf", "weights of llama.cpp: save the model as safetensors"},
      {"tf_model.h5", "weights of TensorFlow: save the model as safetensors"},
      {"flax_model.msgpack", "weights of Flax: save the model as safetensors"},
      {"model.ckpt.index", "a checkpoint of TensorFlow 1"},
      {"model.onnx", "a model for ONNX"},
      {"README.md", "no such file; and no model.safetensors.index.json beside it"},
  };
  for (const auto& [file, said] : cases) {
    const TempDir dir;
    WriteText(dir / "config.json", reference::ConfigJson(reference::SmallConfig()));
    WriteText(dir / file, "x");
    std::string expected = said;
    if (const size_t at = expected.find("DIRECTORY"); at != std::string::npos) {
      expected.replace(at, 9, dir.path().string());
    }
    ExpectError([&] { Checkpoint::Open(dir.path()); }, ErrorCode::kIo,
                {(dir / "model.safetensors").string() + ": no such file; ", expected});
  }
}

TEST(ModelFilesTest, AnAdapterIsNoModel) {
  const TempDir dir;
  WriteText(dir / "adapter_config.json", "{}");
  WriteText(dir / "adapter_model.safetensors", "x");
  ExpectError(
      [&] { Checkpoint::Open(dir.path()); }, ErrorCode::kIo,
      {(dir / "config.json").string() + ": no such file; adapter_model.safetensors is there, an adapter: name"});
}

TEST(ModelFilesTest, FilesThatAreNotWhatTheyAreCalled) {
  const TempDir dir;
  reference::MakeCheckpoint(dir.path(), reference::SmallConfig());
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 548105171\n";
  const std::pair<std::string, const char*> cases[] = {
      {pointer, "is a Git LFS pointer and not the file itself (\"git lfs pull\" fetches it)"},
      {"GGUF" + std::string(20, '\1'), "is a GGUF file, the form of llama.cpp"},
      {std::string(4096, '\0'), "is all zeros"},
      {"", "has 0 bytes, a safetensors file begins with 8 bytes of header length (a download that was not finished?)"},
      {"<!DOCTYPE html><title>401</title>", "is a web page"},
  };
  for (const auto& [text, said] : cases) {
    WriteText(dir / "model.safetensors", text);
    ExpectError([&] { Checkpoint::Open(dir.path()); }, ErrorCode::kInvalidModel,
                {(dir / "model.safetensors").string() + ": " + said});
  }
  WriteText(dir / "config.json", pointer);
  ExpectError([&] { Checkpoint::Open(dir.path()); }, ErrorCode::kInvalidModel,
              {(dir / "config.json").string() + ": is a Git LFS pointer", "expected a JSON object"});
}

}  // namespace
}  // namespace dcp
