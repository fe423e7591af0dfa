// config.json and generation_config.json of a model.
#include <string>

#include "dcp/model_config.h"
#include "io/config_reader.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace dcp;

void CheckConfig(const ModelConfig& config) {
  config.Validate("config");
  for (const TokenId id : config.eos_token_ids)
    fuzz::Require(id >= 0 && id < config.vocab_size, "an eos id is a token");
  fuzz::Require(!config.bos_token_id || (*config.bos_token_id >= 0 && *config.bos_token_id < config.vocab_size),
                "the bos id is a token");
  fuzz::Require(config.ParameterCount() > 0, "there are parameters");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::InputDirectory directory({"config.json", "generation_config.json"});
  directory.Fill(fuzz::AsText(data, size));
  Warnings warnings;
  for (const TableRows& rows : {TableRows{}, TableRows{61, 96}}) {
    fuzz::Accepts([&] { CheckConfig(ReadBaseConfig(directory.path(), rows, &warnings)); });
  }
  for (const std::string& warning : warnings) fuzz::CheckMessage(ErrorCode::kInvalidModel, warning);
  return 0;
}
