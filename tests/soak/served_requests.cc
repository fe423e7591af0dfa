#include "tests/soak/served_requests.h"

#include <iterator>

#include "dcp-serve/api/completion_request.h"
#include "dcp/generate.h"
#include "dcp/session.h"

namespace dcp::soak {
namespace {

using tools::Json;

constexpr const char* kWords[] = {"the",   "old", "man",   "and",  "his", "daughter", "went", "down", "to",
                                  "sea",   "for", "a",     "fine", "day", "when",     "rain", "fell", "upon",
                                  "hills", "é",   "never", "said", "She", "“No,”",    "1871", "!"};

std::string DrawText(Draw& draw) {
  std::string text;
  const int words = 1 + draw.Below(60), begin = draw.Below(4);
  for (int i = 0; i < words; ++i) {
    // Half of them begin as others do.
    const int word = i < words / 2 ? begin * 5 + i * 3 : draw.Below(1000);
    text += (i > 0 ? " " : "") + std::string(kWords[static_cast<size_t>(word) % std::size(kWords)]);
  }
  return text;
}

Json DrawBody(Draw& draw, bool learned) {
  Json body = {{"prompt", DrawText(draw)}, {"max_tokens", 1 + draw.Below(40)}, {"seed", draw.Below(1000000)}};
  if (draw.OneIn(5)) body["prompt"] = Json::array({DrawText(draw), DrawText(draw)});
  if (draw.OneIn(3)) {
    body["temperature"] = 0;
  } else {
    body["temperature"] = 0.2 + draw.Share();
    if (draw.OneIn(5)) body["n"] = 2 + draw.Below(3);
  }
  if (draw.OneIn(3)) body["top_p"] = 0.5 + 0.5 * draw.Share();
  if (draw.OneIn(4)) body["top_k"] = 1 + draw.Below(50);
  if (draw.OneIn(4)) body["repetition_penalty"] = 1.2;
  if (draw.OneIn(4)) body["presence_penalty"] = 0.3;
  if (draw.OneIn(4)) body["logit_bias"] = Json{{std::to_string(draw.Below(4000)), 2.5}};
  if (draw.OneIn(4)) body["stop"] = Json::array({" the", "."});
  if (draw.OneIn(6)) body["logprobs"] = 2;
  if (draw.OneIn(5) && learned) body["dcp"] = Json{{"threshold", draw.Share()}};
  if (draw.OneIn(8)) body["dcp"] = Json{{"max_kept", 20 + draw.Below(50)}};
  return body;
}

}  // namespace

ServedRequests::ServedRequests(const std::string& model, uint64_t seed, size_t kinds)
    : model_(Model::Load(model)), tokenizer_(Tokenizer::Load(model)) {
  Draw draw(seed);
  for (size_t i = 0; i < kinds; ++i) entries_.emplace_back().body = DrawBody(draw, model_->has_interaction());
}

const std::vector<std::string>& ServedRequests::Alone(size_t kind) {
  Entry& entry = entries_[kind];
  std::call_once(entry.once, [&] {
    PolicySpec spec;
    spec.kind = model_->has_interaction() ? PolicySpec::Kind::kLearned : PolicySpec::Kind::kDense;
    const tools::CompletionRequest asked =
        tools::ReadCompletionRequest(entry.body.dump(), {*model_, &tokenizer_, tools::TextOptions(), spec});
    ThreadPool pool(1);
    Session session(model_, pool, {});
    for (size_t i = 0; i < asked.prompts.size(); ++i) {
      GenerateRequest request;
      request.prompt = asked.prompts[i];
      request.options = asked.options;
      request.policy = asked.policy;
      request.stream = i;
      for (const GeneratedSequence& sequence : Generate(session, {&request, 1}, {}, &tokenizer_).sequences) {
        entry.texts.push_back(
            Json::parse(tools::Dump(sequence.text)).get<std::string>());  // what is no UTF-8, as JSON has it
      }
    }
  });
  return entry.texts;
}

}  // namespace dcp::soak
