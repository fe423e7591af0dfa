// An adapter on top of a fixed base: interaction tensors of its own, or LoRA as PEFT saves it.
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "dcp/error.h"
#include "io/checkpoint.h"
#include "io/gpt2_tensors.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/reference/checkpoint_maker.h"

namespace {

using namespace dcp;

// A small tied model without interaction tensors. Its file is opened anew for each input, as a run does.
std::filesystem::path MakeBase() {
  static fuzz::InputDirectory directory({});
  const ModelConfig config = reference::SmallConfig(1, 2, 4, 0, 11, 13);
  reference::MakeCheckpoint(directory.path(), config);
  return directory.path();
}

void ReadAll(const Checkpoint& checkpoint) {
  ForEachTensor(checkpoint.config(), [&](const TensorSpec& spec) {
    const std::vector<float> values = checkpoint.Read(spec.name, spec.shape);
    fuzz::Require(values.size() == static_cast<size_t>(spec.size()), "a tensor has the size of its shape");
    for (const float value : values) fuzz::Require(std::isfinite(value), "and finite values");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path base = MakeBase();
  static fuzz::InputDirectory directory(
      {"config.json", "adapter.safetensors", "adapter_config.json", "adapter_model.safetensors"});
  directory.Fill(fuzz::AsText(data, size));
  Warnings warnings;
  fuzz::Accepts([&] { ReadAll(Checkpoint::Open(base, directory.path(), &warnings)); });
  for (const std::string& warning : warnings) fuzz::CheckMessage(ErrorCode::kInvalidModel, warning);
  return 0;
}
