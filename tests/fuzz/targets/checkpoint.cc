// A whole model directory: config, one tensor file or shards with their index, and the model made of them, which then
// reads a few tokens.
#include <memory>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace dcp;

void ReadTokens(const std::shared_ptr<const Model>& model) {
  static ThreadPool pool(1);
  SessionOptions options;
  options.record_drops = true;
  Session session(model, pool, options);
  const SequenceId sequence = session.Add();
  const std::vector<TokenId> ids(static_cast<size_t>(std::min(model->config().n_positions, 3)), 0);
  const FeedItem item{sequence, ids};
  session.Prefill({&item, 1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::InputDirectory directory({"config.json", "generation_config.json", "model.safetensors",
                                         "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                                         "model-00002-of-00002.safetensors"});
  directory.Fill(fuzz::AsText(data, size));
  Warnings warnings;
  ModelOptions options;
  options.warnings = &warnings;
  if (size > 0) options.weights = static_cast<WeightType>(data[size - 1] % 5);
  fuzz::Accepts([&] { ReadTokens(Model::Load(directory.path(), options)); });
  for (const std::string& warning : warnings) fuzz::CheckMessage(ErrorCode::kInvalidModel, warning);
  return 0;
}
