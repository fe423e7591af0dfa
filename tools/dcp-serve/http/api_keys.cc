#include "dcp-serve/http/api_keys.h"

#include "common/files.h"

namespace dcp::tools {
namespace {

constexpr std::string_view kSpace = " \t\r";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Looks at every byte of what was given, wherever the first difference is.
bool SameInConstantTime(std::string_view given, std::string_view key) {
  size_t differences = given.size() ^ key.size();
  for (size_t i = 0; i < given.size(); ++i) {
    differences |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(key[i % key.size()]);
  }
  return differences == 0;
}

}  // namespace

ApiKeys ApiKeys::Load(const std::string& path, ToolIo& io) {
  ApiKeys keys;
  const std::string text = ReadAll(path, io);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.front() != '#') keys.keys_.emplace_back(line);
  }
  if (keys.keys_.empty()) RejectInput("--api-key-file " + path + ": holds no keys, so that nobody could ask");
  return keys;
}

bool ApiKeys::Allows(std::string_view authorization) const {
  if (!required()) return true;
  constexpr std::string_view kScheme = "Bearer ";
  const bool scheme = authorization.substr(0, kScheme.size()) == kScheme;
  const std::string_view given = scheme ? Trimmed(authorization.substr(kScheme.size())) : std::string_view();
  bool allowed = false;
  for (const std::string& key : keys_) allowed |= SameInConstantTime(given, key);
  return allowed;
}

}  // namespace dcp::tools
