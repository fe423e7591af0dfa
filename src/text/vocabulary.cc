#include "text/vocabulary.h"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/files.h"
#include "support/utf8.h"
#include "text/byte_alphabet.h"

namespace dcp {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& file, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, file.string() + ": " + what);
}

// Takes the events of nlohmann's parser, so that names given twice are seen (a parsed object would keep one of them).
class VocabularyHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  VocabularyHandler(const std::filesystem::path& file, TokenNames* ids) : file_(file), ids_(ids) {}

  bool start_object(size_t) override {
    if (inside_) RefuseId("an object");
    inside_ = true;
    return true;
  }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return true;
  }
  bool number_integer(number_integer_t id) override {  // only negative ones come here
    return RefuseId(std::to_string(id));
  }
  bool number_unsigned(number_unsigned_t id) override {
    if (!inside_ || id > static_cast<uint64_t>(std::numeric_limits<TokenId>::max())) RefuseId(std::to_string(id));
    const auto [entry, is_new] = ids_->emplace(name_, static_cast<TokenId>(id));
    if (!is_new) {
      Fail(file_, "token " + Quote(name_) + " is given twice, with ids " + std::to_string(entry->second) + " and " +
                      std::to_string(id));
    }
    return true;
  }
  bool end_object() override { return true; }
  bool null() override { return RefuseId("null"); }
  bool boolean(bool value) override { return RefuseId(value ? "true" : "false"); }
  bool number_float(number_float_t, const string_t& text) override { return RefuseId(text); }
  bool string(string_t& text) override { return RefuseId("the string " + Quote(text)); }
  bool binary(binary_t&) override { return RefuseId("binary data"); }
  bool start_array(size_t) override { return RefuseId("an array"); }
  bool end_array() override { return true; }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    Fail(file_, "not valid JSON: error at byte " + std::to_string(position));
  }

 private:
  [[noreturn]] bool RefuseId(const std::string& found) const {
    if (!inside_) Fail(file_, "is " + found + ", expected an object of tokens and ids");
    Fail(file_, "token " + Quote(name_) + " has id " + found + ", expected an integer from 0 to " +
                    std::to_string(std::numeric_limits<TokenId>::max()));
  }

  const std::filesystem::path& file_;
  TokenNames* ids_;
  bool inside_ = false;
  std::string name_;
};

TokenNames ParseIds(const std::filesystem::path& file) {
  const std::string text = ReadFile(file);
  TokenNames ids;
  VocabularyHandler handler(file, &ids);
  nlohmann::json::sax_parse(text, &handler);
  return ids;
}

// `name_of[id]` is null for the ids that no token has.
[[noreturn]] void RefuseHole(const std::filesystem::path& file, const std::vector<const std::string*>& name_of,
                             const std::string& name, TokenId id) {
  size_t hole = 0;
  while (name_of[hole] != nullptr) ++hole;
  Fail(file, "no token has id " + std::to_string(hole) + ", but token " + Quote(name) + " has id " +
                 std::to_string(id) + " among " + std::to_string(name_of.size()) + " tokens");
}

// Inverts `ids`. Since ids do not repeat, none above the count means that there are no holes either.
std::vector<const std::string*> NamesById(const std::filesystem::path& file, const TokenNames& ids) {
  std::vector<const std::string*> name_of(ids.size(), nullptr);
  const TokenNames::value_type* too_high = nullptr;
  for (const auto& entry : ids) {
    const auto& [name, id] = entry;
    if (static_cast<size_t>(id) >= ids.size()) {
      if (too_high == nullptr || id < too_high->second) too_high = &entry;
      continue;
    }
    const std::string*& slot = name_of[static_cast<size_t>(id)];
    if (slot != nullptr)
      Fail(file, "tokens " + Quote(*slot) + " and " + Quote(name) + " both have id " + std::to_string(id));
    slot = &name;
  }
  if (too_high != nullptr) RefuseHole(file, name_of, too_high->first, too_high->second);
  return name_of;
}

std::string BytesOfName(const std::filesystem::path& file, std::string_view name, TokenId id) {
  if (name.empty()) Fail(file, "token \"\" with id " + std::to_string(id) + " is empty");
  std::string bytes;
  for (size_t i = 0; i < name.size();) {
    const Utf8Char character = ReadUtf8(name.substr(i));  // the JSON parser has checked that it is valid
    const std::optional<uint8_t> byte = ByteOfCharacter(character.code);
    if (!byte) {
      char code[16];
      std::snprintf(code, sizeof(code), "U+%04X", static_cast<unsigned>(character.code));
      Fail(file, "token " + Quote(name) + " with id " + std::to_string(id) + " has the character " + code +
                     ", which stands for no byte");
    }
    bytes.push_back(static_cast<char>(*byte));
    i += character.length;
  }
  return bytes;
}

std::array<TokenId, 256> FindByteIds(const std::filesystem::path& file, const TokenNames& ids) {
  std::array<TokenId, 256> byte_ids;
  for (size_t byte = 0; byte < byte_ids.size(); ++byte) {
    const std::string name = NameOfByte(static_cast<uint8_t>(byte));
    const auto entry = ids.find(name);
    if (entry == ids.end()) {
      Fail(file, "byte " + std::to_string(byte) + " has no token: " + Quote(name) + " is not among the " +
                     std::to_string(ids.size()) + " tokens");
    }
    byte_ids[byte] = entry->second;
  }
  return byte_ids;
}

}  // namespace

Vocabulary ReadVocabulary(const std::filesystem::path& file) {
  Vocabulary vocabulary;
  vocabulary.ids = ParseIds(file);
  const std::vector<const std::string*> name_of = NamesById(file, vocabulary.ids);
  for (size_t id = 0; id < name_of.size(); ++id) {
    vocabulary.bytes.push_back(BytesOfName(file, *name_of[id], static_cast<TokenId>(id)));
  }
  vocabulary.byte_ids = FindByteIds(file, vocabulary.ids);
  return vocabulary;
}

}  // namespace dcp
