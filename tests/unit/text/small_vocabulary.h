// Tokenizer files made by tests: the 256 bytes, some merges, perhaps some added tokens.
#ifndef TESTS_UNIT_TEXT_SMALL_VOCABULARY_H_
#define TESTS_UNIT_TEXT_SMALL_VOCABULARY_H_

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text/byte_alphabet.h"

namespace dcp::testing {

// A folder of its own, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("dcp-text-" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }

 private:
  std::filesystem::path path_;
};

inline std::string NameOf(const std::string& bytes) {
  std::string name;
  for (char byte : bytes) name += NameOfByte(static_cast<uint8_t>(byte));
  return name;
}

// Pairs of byte strings, best first.
using MergePairs = std::vector<std::pair<std::string, std::string>>;

// Ids: the bytes in order, then what the merges make, then the extra names.
inline nlohmann::json SmallVocabulary(const MergePairs& merges, const std::vector<std::string>& extra = {}) {
  nlohmann::json ids;
  for (int byte = 0; byte < 256; ++byte) ids[NameOfByte(static_cast<uint8_t>(byte))] = byte;
  for (const auto& [left, right] : merges) {
    const std::string name = NameOf(left + right);
    if (!ids.contains(name)) ids[name] = ids.size();
  }
  for (const std::string& name : extra) ids[name] = ids.size();
  return ids;
}

inline std::string MergesText(const MergePairs& merges, const std::string& line_end = "\n") {
  std::string text;
  for (const auto& [left, right] : merges) text += NameOf(left) + " " + NameOf(right) + line_end;
  return text;
}

}  // namespace dcp::testing

#endif  // TESTS_UNIT_TEXT_SMALL_VOCABULARY_H_
