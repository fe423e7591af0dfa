// Every form of tokenizer against Hugging Face's libraries, over 10 000 random strings each.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "dcp/tokenizer.h"
#include "support/hash.h"
#include "tests/unit/text/small_vocabulary.h"

namespace dcp {
namespace {

using nlohmann::json;

// The generator of tests/oracle/tokenizer_golden.py: splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Below(uint64_t count) {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return (z ^ (z >> 31)) % count;
  }

 private:
  uint64_t state_;
};

const json& Golden() {
  static const json golden = json::parse(std::ifstream(DCP_SOURCE_DIR "/tests/data/tokenizers.json"));
  return golden;
}

// The golden file's forms, named here too: every test of this program lists its tests first, and the file is long.
const char* const kForms[] = {"vocab-merges",
                              "added-tokens",
                              "added-tokens-decoder",
                              "add-prefix-space",
                              "add-bos-token",
                              "json-strings",
                              "json-pairs-prefix-space",
                              "json-no-special",
                              "json-split-sequence",
                              "json-whole-text",
                              "json-ignore-merges",
                              "bytes-missing",
                              "json-unknown-each",
                              "json-unknown-fused",
                              "merges-twice"};

const json& FormOf(const std::string& name) {
  for (const json& form : Golden()["forms"]) {
    if (form["name"] == name) return form;
  }
  throw std::runtime_error("tokenizers.json has no form " + name);
}

TEST(TokenizerGolden, EveryFormIsTested) {
  std::vector<std::string> names;
  for (const json& form : Golden()["forms"]) names.push_back(form["name"]);
  EXPECT_EQ(names, std::vector<std::string>(std::begin(kForms), std::end(kForms)));
}

std::string StringOf(uint64_t index) {
  Random random(index);
  const json& pieces = Golden()["pieces"];
  std::string text;
  for (uint64_t count = random.Below(14); count > 0; --count) {
    text += pieces[random.Below(pieces.size())].get_ref<const std::string&>();
  }
  return text;
}

class TokenizerGoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  TokenizerGoldenTest() {
    for (const auto& [name, content] : form_["files"].items()) {
      folder_.Write(name, content.is_string() ? content.get<std::string>() : content.dump());
    }
  }

  // As the libraries do it: with what the files want before a text.
  static std::vector<TokenId> Encode(const Tokenizer& tokenizer, const std::string& text, bool special) {
    std::vector<TokenId> ids = tokenizer.prefix();
    const std::vector<TokenId> encoded = tokenizer.Encode(text, {.special = special});
    ids.insert(ids.end(), encoded.begin(), encoded.end());
    return ids;
  }

  const json& form_ = FormOf(GetParam());
  const testing::TemporaryFolder folder_;
};

TEST_P(TokenizerGoldenTest, GivesTheIdsOfHuggingFace) {
  const Tokenizer tokenizer = Tokenizer::Load(folder_.path());
  const bool special = form_.value("special", true);
  for (size_t i = 0; i < form_["examples"].size(); ++i) {
    const json& example = form_["examples"][i];
    ASSERT_EQ(StringOf(i), example["text"]);
    EXPECT_EQ(Encode(tokenizer, example["text"], special), example["ids"].get<std::vector<TokenId>>()) << example;
  }
  const auto block = Golden()["block"].get<uint64_t>();
  ASSERT_EQ(form_["hashes"].size() * block, Golden()["strings"]);
  for (uint64_t i = 0; i < form_["hashes"].size(); ++i) {
    uint64_t hash = kFnvBasis;
    for (uint64_t index = i * block; index < (i + 1) * block; ++index) {
      const std::vector<TokenId> ids = Encode(tokenizer, StringOf(index), special);
      for (const TokenId id : ids) hash = FnvStep(hash, static_cast<uint64_t>(id));
      hash = FnvStep(hash, ids.size());
    }
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    ASSERT_EQ(digits, form_["hashes"][i].get<std::string>()) << "one of the strings from " << i * block << " on";
  }
}

std::string NameOfForm(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Forms, TokenizerGoldenTest, ::testing::ValuesIn(kForms), NameOfForm);

}  // namespace
}  // namespace dcp
