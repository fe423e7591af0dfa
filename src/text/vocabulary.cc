#include "text/vocabulary.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
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
    if (!inside_ || id >= static_cast<uint64_t>(kTokenIdEnd)) RefuseId(std::to_string(id));
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
                    std::to_string(kTokenIdEnd - 1));
  }

  const std::filesystem::path& file_;
  TokenNames* ids_;
  bool inside_ = false;
  std::string name_;
};

}  // namespace

std::vector<std::pair<TokenId, const std::string*>> NamesById(const TokenNames& ids, const std::string& source) {
  if (ids.empty()) throw Error(ErrorCode::kInvalidModel, source + ": holds no token");
  std::vector<std::pair<TokenId, const std::string*>> names;
  names.reserve(ids.size());
  for (const auto& [name, id] : ids) names.emplace_back(id, &name);
  std::ranges::sort(names, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  const auto same = std::ranges::adjacent_find(names, {}, &std::pair<TokenId, const std::string*>::first);
  if (same == names.end()) return names;
  throw Error(ErrorCode::kInvalidModel, source + ": tokens " + Quote(*same->second) + " and " +
                                            Quote(*std::next(same)->second) + " both have id " +
                                            std::to_string(same->first));
}

std::optional<std::string> BytesOfName(std::string_view name) {
  std::string bytes;
  for (size_t i = 0; i < name.size();) {
    const Utf8Char character = ReadUtf8(name.substr(i));  // the JSON parser has checked that it is valid
    const std::optional<uint8_t> byte = ByteOfCharacter(character.code);
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
    i += character.length;
  }
  return bytes;
}

std::string TextOfName(std::string_view name) { return BytesOfName(name).value_or(std::string(name)); }

std::array<TokenId, 256> FindByteIds(const TokenNames& ids) {
  std::array<TokenId, 256> byte_ids;
  for (size_t byte = 0; byte < byte_ids.size(); ++byte) {
    const auto entry = ids.find(NameOfByte(static_cast<uint8_t>(byte)));
    byte_ids[byte] = entry == ids.end() ? kNoToken : entry->second;
  }
  return byte_ids;
}

TokenNames ReadVocabulary(const std::filesystem::path& file) {
  const std::string text = ReadFile(file);
  TokenNames ids;
  VocabularyHandler handler(file, &ids);
  nlohmann::json::sax_parse(text, &handler);
  return ids;
}

}  // namespace dcp
