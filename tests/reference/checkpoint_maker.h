// Makes small checkpoints with random weights for tests.
#ifndef DCP_TESTS_REFERENCE_CHECKPOINT_MAKER_H_
#define DCP_TESTS_REFERENCE_CHECKPOINT_MAKER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcp/model_config.h"
#include "dcp/types.h"

namespace dcp::reference {

struct MakeOptions {
  uint64_t seed = 1;                   // the same seed, config and scales give the same weights everywhere
  WeightType type = WeightType::kF32;  // how tensors are stored: kF32, kF16 or kBF16
  int shards = 0;                      // 0: model.safetensors; n >= 1: n shards and model.safetensors.index.json
  bool transformer_prefix = false;     // names begin with "transformer."
  bool attention_buffers = false;      // h.{i}.attn.bias and h.{i}.attn.masked_bias, as old GPT-2 files have them
  bool lm_head = false;                // a tied lm_head.weight (never prefixed)
  float matrix_std = 0;                // standard deviation of every matrix; 0: 1/sqrt(its input width), which
                                       // keeps activations, attention logits and s(n, j) at a spread of about 1
  float beta = 0.5f;                   // mean of int_bias; its standard deviation over layers is 0.2
};

// A tensor by its canonical name, row-major.
struct MadeTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// A config that validates, for tests that do not care: eos is the last token, C = H*D.
ModelConfig SmallConfig(int layers = 2, int heads = 2, int head_dim = 8, int int_n_embd = 4, int vocabulary = 64,
                        int positions = 64);

// The tensors that `config` asks for, in the order GPT-2 files have them, before any rounding to a stored type.
std::vector<MadeTensor> MakeTensors(const ModelConfig& config, const MakeOptions& options = {});

// Only the interaction tensors of every layer. REQUIRES: config.int_n_embd > 0.
std::vector<MadeTensor> MakeInteractionTensors(const ModelConfig& config, const MakeOptions& options = {});

// The text of a Hugging Face config.json.
std::string ConfigJson(const ModelConfig& config);

// Creates `directory` and writes config.json and the tensor file or files of MakeTensors().
void MakeCheckpoint(const std::filesystem::path& directory, const ModelConfig& config, const MakeOptions& options = {});

// The same with tensors of the caller's choice.
void WriteCheckpoint(const std::filesystem::path& directory, const ModelConfig& config,
                     const std::vector<MadeTensor>& tensors, const MakeOptions& options = {});

// Creates an adapter directory: config.json with "dcp", and adapter.safetensors with MakeInteractionTensors().
void MakeAdapter(const std::filesystem::path& directory, const ModelConfig& config, const MakeOptions& options = {});

// The same with tensors of the caller's choice.
void WriteAdapter(const std::filesystem::path& directory, const ModelConfig& config,
                  const std::vector<MadeTensor>& tensors, const MakeOptions& options = {});

// `value` as `type` stores it, rounded to nearest even. REQUIRES: kF32, kF16 or kBF16; finite, within the type's range.
float RoundTo(WeightType type, float value);

// Replaces the whole content of a file; throws std::runtime_error when it cannot.
void WriteText(const std::filesystem::path& path, const std::string& text);
std::string ReadText(const std::filesystem::path& path);

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_CHECKPOINT_MAKER_H_
