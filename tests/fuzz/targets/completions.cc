// Bodies of POST /v1/completions.
#include "common/json.h"
#include "dcp-serve/api/api_error.h"
#include "dcp-serve/api/completion_request.h"
#include "runtime/request.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/small_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  using namespace dcp::tools;
  static const std::shared_ptr<const Model> model = fuzz::SmallModel();
  if (size == 0) return 0;
  PolicySpec policy;
  policy.kind = (data[0] & 1) != 0 ? PolicySpec::Kind::kLearned : PolicySpec::Kind::kDense;
  TextOptions special;
  special.bos = (data[0] & 2) != 0;
  special.no_special = (data[0] & 4) != 0;
  const Tokenizer* tokenizer = (data[0] & 8) != 0 ? nullptr : &fuzz::SmallTokenizer();
  try {
    const CompletionRequest request =
        ReadCompletionRequest(fuzz::AsText(data + 1, size - 1), {*model, tokenizer, special, policy});
    fuzz::Require(!request.prompts.empty(), "there is a prompt");
    fuzz::Accepts([&] { CheckRequestOptions(request.options, model->config(), tokenizer); });
  } catch (const ApiError& error) {
    fuzz::Require(error.status() == 400, "the client is to blame");
    fuzz::CheckMessage(ErrorCode::kInvalidArgument, error.what());
    (void)Dump(ErrorDocument(error.status(), error.what(), error.code()));
  }
  return 0;
}
