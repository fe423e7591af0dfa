#include "dcp-serve/api/completion_request.h"

#include <random>
#include <string>

#include "common/option_group.h"
#include "common/request_options.h"
#include "common/settings.h"
#include "dcp-serve/api/api_error.h"
#include "support/escape.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

constexpr char kSource[] = "request";
constexpr int kMaxTokens = 16;  // OpenAI's default
constexpr size_t kMaxPrompts = 2048;
constexpr int kMaxSamples = 128;
constexpr int kMaxLogprobs = 100;

// What the API has itself; everything else is a setting.
const std::vector<std::string_view> kOwnFields = {
    "model",   "prompt", "max_tokens",     "n",      "echo", "stream",  "seed",
    "best_of", "user",   "stream_options", "suffix", "dcp",  "samples", "max_new_tokens"};

class Reader {
 public:
  Reader(const nlohmann::json& body, const CompletionContext& context)
      : body_(body), context_(context), fields_(body, kSource, ErrorCode::kInvalidArgument) {}

  CompletionRequest Read() {
    ReadPrompts();
    ReadSettings();
    ReadOwn();
    ReadDcp();
    return std::move(request_);
  }

 private:
  std::vector<TokenId> Encode(const std::string& text) const {
    if (context_.tokenizer == nullptr) fields_["prompt"].Fail("token ids, since the model has no tokenizer");
    return WithBos(EncodePrompt(text, *context_.tokenizer, context_.special));
  }

  std::vector<TokenId> WithBos(std::vector<TokenId> ids) const {
    if (context_.special.bos) PutFirst(BosToken(context_.tokenizer, context_.model.config(), "the model"), &ids);
    return ids;
  }

  // A text, texts, ids, or lists of ids.
  void ReadPrompts() {
    const JsonReader prompt = fields_["prompt"];
    auto& prompts = request_.prompts;
    if (!prompt.present()) return prompts.push_back({});
    if (prompt.json().is_string()) return prompts.push_back(Encode(prompt.Text()));
    if (!prompt.json().is_array()) prompt.Fail("a text, a list of texts, token ids, or a list of those");
    if (prompt.Size() == 0 || prompt.json()[0].is_number()) {
      return prompts.push_back(WithBos(prompt.Integers<TokenId>(0)));
    }
    if (prompt.Size() > kMaxPrompts) prompt.Fail("at most " + std::to_string(kMaxPrompts) + " prompts");
    for (size_t i = 0; i < prompt.Size(); ++i) {
      const JsonReader one = prompt[i];
      prompts.push_back(one.json().is_string() ? Encode(one.Text()) : WithBos(one.Integers<TokenId>(0)));
    }
  }

  // The settings of a line of dcp-generate --input, by the same declarations.
  void ReadSettings() {
    Settings declared;
    RequestSettings settings;
    settings.sampling.temperature = 1.0f;
    AddRequestOptions(OptionGroup(declared), settings);
    nlohmann::json body = body_;
    // OpenAI has no log-probabilities for 0 and false alike in some clients; null is absent anyway.
    if (body.contains("logprobs") && body["logprobs"] == false) body.erase("logprobs");
    declared.Apply(body, kOwnFields, kSource);
    if (!settings.score.empty() || !settings.score_ids.empty()) {
      throw ApiError(400, "request: score and score_ids are not for completions: ask for echo and logprobs");
    }
    request_.options = MakeRequestOptions(settings, context_.tokenizer);
    if (request_.options.logprobs && *request_.options.logprobs > kMaxLogprobs) {
      fields_["logprobs"].Fail("at most " + std::to_string(kMaxLogprobs));
    }
  }

  void ReadOwn() {
    GenerateOptions& options = request_.options;
    options.max_new_tokens = IntegerOr("max_tokens", "max_new_tokens", kMaxTokens, 0);
    request_.nothing_new = options.max_new_tokens == 0;
    if (request_.nothing_new) options.max_new_tokens = 1;
    options.samples = IntegerOr("n", "samples", 1, 1);
    if (options.samples > kMaxSamples) fields_["n"].Fail("at most " + std::to_string(kMaxSamples));
    const auto best_of = fields_["best_of"].MaybeInteger<int>(1);
    if (best_of && *best_of != options.samples) fields_["best_of"].Fail("the number n: all samples are given");
    if (fields_["suffix"].present() && !fields_["suffix"].Text().empty()) {
      fields_["suffix"].Fail("nothing: these models only go on from a prompt");
    }
    if (fields_["model"].present()) fields_["model"].Text();
    request_.echo = FlagOr(fields_["echo"]);
    request_.stream = FlagOr(fields_["stream"]);
    const JsonReader stream_options = fields_["stream_options"];
    if (stream_options.present()) {
      if (!request_.stream) stream_options.Fail("nothing where stream is not true");
      request_.include_usage = FlagOr(stream_options["include_usage"]);
    }
    const auto seed = fields_["seed"].MaybeInteger<int64_t>();
    options.sampling.seed = seed ? static_cast<uint64_t>(*seed) : DrawSeed();
  }

  void ReadDcp() {
    const JsonReader dcp = fields_["dcp"];
    if (!dcp.present()) return;
    if (!dcp.json().is_object()) dcp.Fail("an object");
    for (const auto& [name, value] : dcp.json().items()) {
      if (name != "return_drops" && name != "threshold" && name != "max_kept") {
        throw ApiError(400, "request: dcp." + OneLine(name) + " is not known");
      }
    }
    request_.policy = OwnPolicy(dcp["threshold"], dcp["max_kept"]);
    request_.return_drops = FlagOr(dcp["return_drops"]);
    if (request_.return_drops && !request_.stream) dcp["return_drops"].Fail("false where stream is not true");
    request_.options.report_drops = request_.return_drops;
  }

  // Null where what is asked for is what all have.
  std::shared_ptr<const EvictionPolicy> OwnPolicy(const JsonReader& threshold, const JsonReader& max_kept) const {
    PolicySpec spec = context_.policy;
    if (const auto value = threshold.MaybeNumber()) {
      if (!spec.Has(PolicySpec::Kind::kLearned)) threshold.Fail("nothing: the policy of this server has no threshold");
      spec.threshold = static_cast<float>(*value);
    }
    if (const auto value = max_kept.MaybeInteger<int>(0)) spec.max_kept = *value;
    if (spec.threshold == context_.policy.threshold && spec.max_kept == context_.policy.max_kept) return nullptr;
    return MakePolicy(spec, context_.model.config().n_positions);
  }

  // OpenAI's name, or dcp-generate's.
  int IntegerOr(const char* name, const char* other, int value, int least) const {
    const JsonReader field = fields_[fields_[name].present() ? name : other];
    return field.MaybeInteger<int>(least).value_or(value);
  }
  static bool FlagOr(const JsonReader& field) { return field.present() && field.Flag(); }

  static uint64_t DrawSeed() {
    std::random_device device;
    return (static_cast<uint64_t>(device()) << 32) | device();
  }

  const nlohmann::json& body_;
  const CompletionContext& context_;
  const JsonReader fields_;
  CompletionRequest request_;
};

}  // namespace

CompletionRequest ReadCompletionRequest(std::string_view body, const CompletionContext& context) {
  try {
    const nlohmann::json object = ParseJsonObject(body, kSource, ErrorCode::kInvalidArgument);
    return Reader(object, context).Read();
  } catch (const Error& error) {
    throw ToApiError(error);
  }
}

}  // namespace dcp::tools
