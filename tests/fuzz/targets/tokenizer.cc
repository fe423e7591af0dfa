// A tokenizer's files, all six of them, and then a text through what they made.
#include "dcp/tokenizer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzing.h"

namespace {

using namespace dcp;

constexpr std::string_view kText = "The old man's  door\n\n <|endoftext|> [x]\t42 \xC3\xA9\xE4\xBD\xA0\xFF<a><b> ";

void UseTokenizer(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const std::vector<TokenId> ids = tokenizer.Encode(text, {.special = special});
    for (const TokenId id : ids) {
      fuzz::Require(id >= 0 && id < tokenizer.vocab_size(), "an id is one of the vocabulary");
    }
    StreamDecoder decoder(tokenizer);
    std::string streamed, plain;
    for (const TokenId id : ids) {
      streamed += decoder.Push(id);
      if (!tokenizer.IsSpecial(id)) plain += tokenizer.TokenBytes(id);
    }
    fuzz::Require(streamed + decoder.Flush() == plain, "a stream of tokens has their text");
  }
  for (const TokenId id : tokenizer.prefix()) fuzz::Require(id >= 0, "the prefix is made of ids");
  (void)tokenizer.Decode(std::vector<TokenId>{tokenizer.vocab_size() - 1, 0});
  (void)tokenizer.fingerprint();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::InputDirectory directory({"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                                         "added_tokens.json", "special_tokens_map.json"});
  const std::string_view input = fuzz::AsText(data, size);
  directory.Fill(input);
  Warnings warnings;
  fuzz::Accepts([&] {
    const Tokenizer tokenizer = Tokenizer::Load(directory.path(), &warnings);
    UseTokenizer(tokenizer, kText);
    UseTokenizer(tokenizer, input.substr(0, 300));
  });
  for (const std::string& warning : warnings) fuzz::CheckMessage(ErrorCode::kInvalidModel, warning);
  return 0;
}
