// Text to tokens and back. What the first byte chooses: a real vocabulary, that what was encoded decodes to itself; a
// small one with every kind of added token, that the slow tokenizer of the unit tests says the same; ids, any ids, that
// they decode or are refused.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "dcp/tokenizer.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/unit/text/naive_added_tokens.h"
#include "tests/unit/text/naive_bpe.h"

namespace {

using namespace dcp;
using dcp::testing::MergePairs;

const MergePairs kMerges = {{"l", "l"},           {"e", "l"},      {" ", "a"}, {"a", "b"},       {"ab", "ab"},
                            {"b", "a"},           {"\n", "\n"},    {" ", " "}, {"\xC3", "\xA9"}, {"a", "a"},
                            {"aa", "a"},          {"'", "s"},      {"0", "0"}, {"00", "00"},     {"ab", "a"},
                            {"\xE2\x80", "\xA8"}, {"\xE2", "\x80"}};

AddedToken Added(std::string content, bool single_word, bool lstrip, bool rstrip, bool normalized, bool special) {
  AddedToken token;
  token.content = std::move(content);
  token.single_word = single_word;
  token.lstrip = lstrip;
  token.rstrip = rstrip;
  token.normalized = normalized;
  token.special = special;
  return token;
}

struct Small {
  Small() {
    added = {
        Added("<a>", false, false, false, false, true),   Added("<b>", false, true, false, false, false),
        Added("<c>", false, false, true, true, false),    Added("abb", true, false, false, true, false),
        Added("<a><", false, false, false, false, false), Added(" ", true, true, true, true, true),
        Added("\n<", false, true, true, false, false),    Added("\xC3\xA9\xC3\xA9", true, true, false, true, false)};
    const testing::TemporaryFolder folder;
    const nlohmann::json vocabulary = testing::SmallVocabulary(kMerges);
    auto next = static_cast<TokenId>(vocabulary.size());
    nlohmann::json decoder;
    for (AddedToken& token : added) {
      token.id = next++;
      decoder[std::to_string(token.id)] = {{"content", token.content},       {"single_word", token.single_word},
                                           {"lstrip", token.lstrip},         {"rstrip", token.rstrip},
                                           {"normalized", token.normalized}, {"special", token.special}};
    }
    folder.Write("vocab.json", vocabulary.dump());
    folder.Write("merges.txt", testing::MergesText(kMerges));
    folder.Write("tokenizer_config.json", nlohmann::json{{"added_tokens_decoder", decoder}}.dump());
    tokenizer.emplace(Tokenizer::Load(folder.path()));
  }

  std::vector<AddedToken> added;
  std::optional<Tokenizer> tokenizer;
};

void CompareWithNaive(const Small& small, const std::string& text, bool special) {
  std::string expected;
  std::vector<TokenId> ids;
  for (const auto& [piece, id] : testing::NaiveCut(text, small.added, special)) {
    if (id >= 0) {
      expected += "[" + std::to_string(id) + "]";
      continue;
    }
    for (const std::string& word : testing::NaivePieces(piece)) {
      for (const std::string& token : testing::NaiveMerge(word, kMerges)) expected += token + "|";
    }
  }
  std::string found;
  for (const TokenId id : small.tokenizer->Encode(text, {.special = special})) {
    const bool added = id >= small.added.front().id;
    found += added ? "[" + std::to_string(id) + "]" : std::string(small.tokenizer->TokenBytes(id)) + "|";
  }
  fuzz::Require(found == expected, "the tokens are those of the slow tokenizer");
}

void RoundTrip(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const std::vector<TokenId> ids = tokenizer.Encode(text, {.special = special});
    fuzz::Require(tokenizer.Decode(ids) == text, "a text comes back as it was");
  }
}

void DecodeIds(const Tokenizer& tokenizer, std::span<const uint8_t> bytes) {
  fuzz::Choices choices(bytes);
  std::vector<TokenId> ids;
  while (!choices.empty()) {
    const uint8_t high = choices.Byte();  // most ids are of the vocabulary
    ids.push_back(high == 255 ? choices.Int32() : static_cast<TokenId>(high << 8 | choices.Byte()));
  }
  const bool inside = std::ranges::all_of(ids, [&](TokenId id) { return id >= 0 && id < tokenizer.vocab_size(); });
  std::string text;
  fuzz::Require(fuzz::Accepts([&] { text = tokenizer.Decode(ids); }) == inside, "ids of the vocabulary decode");
  if (!inside) return;
  StreamDecoder decoder(tokenizer);
  std::string streamed, shown;
  for (const TokenId id : ids) {
    streamed += decoder.Push(id);
    if (!tokenizer.IsSpecial(id)) shown += tokenizer.TokenBytes(id);
  }
  fuzz::Require(streamed + decoder.Flush() == shown, "a stream has the same text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer books = Tokenizer::Load(std::filesystem::path(DCP_SOURCE_DIR) / "tests/data/books-tiny");
  static const Small small;
  if (size == 0) return 0;
  const std::string_view text = fuzz::AsText(data + 1, size - 1);
  const uint8_t choice = data[0];
  if (choice == 255) {  // rarely, as it takes long: a text that is long enough for the cache of pieces
    std::string repeated(text);
    while (!text.empty() && repeated.size() < (size_t{1} << 16)) repeated += text;
    RoundTrip(books, repeated);
  } else if (choice % 4 == 0) {
    RoundTrip(books, text);
  } else if (choice % 4 == 3) {
    DecodeIds(choice % 8 == 3 ? books : *small.tokenizer, std::span(data + 1, size - 1));
  } else {
    CompareWithNaive(small, std::string(text), choice % 4 == 1);
  }
  return 0;
}
