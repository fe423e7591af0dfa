// Settings of the sampler with any logits; and stop texts in a stream of tokens, against looking at the whole text
// after each of them.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dcp/sampler.h"
#include "runtime/text_stream.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/small_model.h"

namespace {

using namespace dcp;

constexpr size_t kVocabulary = 8;

// Mostly numbers that somebody would ask for.
float Setting(fuzz::Choices& choices) {
  constexpr float kUsual[] = {0, 1, 0.5f, 0.9f, 1.1f, 2, 1e-6f, -1, 1e30f, 1e-45f};
  const size_t which = choices.Below(std::size(kUsual) + 2);
  return which < std::size(kUsual) ? kUsual[which] : choices.Float();
}

std::vector<TokenId> Ids(fuzz::Choices& choices, size_t most) {
  std::vector<TokenId> ids(choices.Below(most + 1));
  for (TokenId& id : ids) id = static_cast<TokenId>(choices.Below(kVocabulary));
  return ids;
}

SamplingOptions Options(fuzz::Choices& choices) {
  SamplingOptions options;
  const uint8_t set = choices.Byte();
  options.temperature = Setting(choices);
  options.top_k = static_cast<int>(choices.Below(12));
  if (set & 1) options.top_p = Setting(choices);
  if (set & 2) options.min_p = Setting(choices);
  if (set & 4) options.typical_p = Setting(choices);
  if (set & 8) options.repetition_penalty = Setting(choices);
  if (set & 16) options.presence_penalty = Setting(choices), options.frequency_penalty = Setting(choices);
  if (set & 32) options.no_repeat_ngram_size = static_cast<int>(choices.Below(4));
  if (set & 64) options.logit_bias = {{static_cast<TokenId>(choices.Below(kVocabulary)), Setting(choices)}};
  if (set & 128) options.bad_words_ids = {Ids(choices, 3)}, options.forced_ids = Ids(choices, 2);
  options.seed = choices.Byte();
  return options;
}

void Sample(fuzz::Choices& choices) {
  const SamplingOptions options = Options(choices);
  const std::vector<TokenId> ids = Ids(choices, 20);
  std::vector<float> logits(kVocabulary);
  for (float& logit : logits) logit = choices.Flag() ? Setting(choices) : static_cast<float>(choices.Byte()) / 16 - 8;
  TokenHistory history{.ids = ids, .prompt_tokens = choices.Below(ids.size() + 1), .stream = 3};
  fuzz::Accepts([&] {
    options.CheckVocabulary(kVocabulary);
    Sampler sampler(options);
    const TokenId chosen = sampler.Sample(logits, history);
    fuzz::Require(chosen >= 0 && static_cast<size_t>(chosen) < kVocabulary, "the choice is a token");
    fuzz::Require(Sampler(options).Sample(logits, history) == chosen, "the same again is the same");
    if (!MakeLogitsProcessors(options).empty()) return;
    const float logit = logits[static_cast<size_t>(chosen)];
    const auto above = std::ranges::count_if(logits, [&](float other) { return other > logit; });
    fuzz::Require(options.temperature != 0 || above == 0, "greedy is the largest");
    fuzz::Require(options.top_k == 0 || above < options.top_k, "one of the K likeliest");
    fuzz::Require(logit > -INFINITY || std::ranges::max(logits) == -INFINITY, "what is impossible is not chosen");
  });
}

// The text before the first stop text, of all that are complete after the same token.
std::string Expected(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, const std::vector<std::string>& stops,
                     bool& stopped) {
  StreamDecoder decoder(tokenizer);
  std::string text, shown;
  const auto add = [&](std::string_view piece, bool is_shown) {
    if (stopped) return;
    text += piece;
    shown.resize(text.size(), is_shown ? 1 : 0);
    size_t first = std::string::npos;
    for (const std::string& stop : stops) first = std::min(first, text.find(stop));
    if (first == std::string::npos) return;
    stopped = true;
    text.resize(first);
    shown.resize(first);
  };
  for (const TokenId id : ids) {
    if (tokenizer.IsSpecial(id)) {
      add(decoder.Flush(), true);
      add(tokenizer.TokenBytes(id), false);
    } else {
      add(decoder.Push(id), true);
    }
  }
  add(decoder.Flush(), true);
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (shown[i]) result += text[i];
  }
  return result;
}

void Stop(fuzz::Choices& choices) {
  const Tokenizer& tokenizer = fuzz::SmallTokenizer();
  std::vector<std::string> stops(choices.Below(4));
  for (std::string& stop : stops) {
    stop.resize(1 + choices.Below(12));
    for (char& c : stop) c = static_cast<char>(choices.Byte());
  }
  std::vector<TokenId> ids;
  while (!choices.empty()) {
    const uint8_t id = choices.Byte();
    ids.push_back(id < 250 ? id : static_cast<TokenId>(256 + choices.Below(9)));
  }
  TextStream stream(tokenizer, stops);
  std::string pieces;
  for (const TokenId id : ids) pieces += stream.Push(id);
  pieces += stream.Finish();
  bool stopped = false;
  const std::string expected = Expected(tokenizer, ids, stops, stopped);
  fuzz::Require(stream.text() == expected && pieces == expected, "a text ends before its stop text");
  fuzz::Require(stream.stopped() == stopped, "and is known to have ended");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Choices choices(std::span(data, size));
  if (choices.Flag()) {
    Sample(choices);
  } else {
    Stop(choices);
  }
  return 0;
}
