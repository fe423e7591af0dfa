#include "dcp-serve/http/text_endpoints.h"

#include "dcp-serve/api/api_error.h"
#include "support/escape.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

const Tokenizer& TokenizerOf(const Engine& engine) {
  if (engine.tokenizer() == nullptr) throw ApiError(400, "the model has no tokenizer");
  return *engine.tokenizer();
}

}  // namespace

std::string Quoted(std::string_view text) { return Quote(text); }

Json TokenizeText(std::string_view body, const Engine& engine) {
  try {
    const nlohmann::json object = ParseJsonObject(body, "request", ErrorCode::kInvalidArgument);
    const JsonReader fields(object, "request", ErrorCode::kInvalidArgument);
    const char* name = fields["text"].present() ? "text" : fields["prompt"].present() ? "prompt" : "content";
    const std::vector<TokenId> ids = TokenizerOf(engine).Encode(fields[name].Text());
    Json answer{{"tokens", ids}, {"count", ids.size()}, {"max_model_len", engine.model().config().n_positions}};
    if (fields["pieces"].present() && fields["pieces"].Flag()) {
      Json& pieces = answer["pieces"] = Json::array();
      StreamDecoder decoder(TokenizerOf(engine));
      for (const TokenId id : ids) pieces.push_back(decoder.Push(id));
    }
    return answer;
  } catch (const Error& error) {
    throw ToApiError(error);
  }
}

Json DetokenizeIds(std::string_view body, const Engine& engine) {
  try {
    const nlohmann::json object = ParseJsonObject(body, "request", ErrorCode::kInvalidArgument);
    const JsonReader fields(object, "request", ErrorCode::kInvalidArgument);
    const std::string text = TokenizerOf(engine).Decode(fields["tokens"].Integers<TokenId>());
    return Json{{"content", text}, {"text", text}, {"prompt", text}};
  } catch (const Error& error) {
    throw ToApiError(error);
  }
}

}  // namespace dcp::tools
