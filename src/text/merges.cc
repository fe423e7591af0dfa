#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/files.h"
#include "text/vocabulary.h"

namespace dcp {
namespace {

// Reads the lines one by one; keeps what an error message needs.
class MergesReader {
 public:
  MergesReader(const std::filesystem::path& file, const TokenNames& ids) : file_(file), ids_(ids) {}

  std::vector<Merge> Read() {
    const std::string text = ReadFile(file_);
    const size_t last = text.find_last_not_of("\r\n");
    std::string_view rest = std::string_view(text).substr(0, last == std::string::npos ? 0 : last + 1);
    while (!rest.empty()) {
      ++line_number_;
      const std::string_view line = TakeLine(&rest);
      if (line_number_ == 1 && line.starts_with("#version")) continue;
      Add(line);
    }
    return std::move(merges_);
  }

 private:
  static std::string_view TakeLine(std::string_view* rest) {
    std::string_view line = rest->substr(0, rest->find('\n'));
    rest->remove_prefix(std::min(line.size() + 1, rest->size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  void Add(std::string_view line) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() || line.rfind(' ') != space) {
      Fail(Quote(line) + " is not two tokens parted by one space");
    }
    const std::string left(line.substr(0, space));
    const std::string right(line.substr(space + 1));
    merges_.push_back({Find(left, line), Find(right, line), Find(left + right, line)});
    const auto [first, is_new] = line_of_.emplace(line, line_number_);
    if (!is_new) Fail("merge " + Quote(line) + " is already on line " + std::to_string(first->second));
  }

  TokenId Find(const std::string& token, std::string_view line) const {
    const auto entry = ids_.find(token);
    if (entry == ids_.end()) Fail("merge " + Quote(line) + " needs token " + Quote(token) + ", which has no id");
    return entry->second;
  }

  [[noreturn]] void Fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidModel, file_.string() + ": line " + std::to_string(line_number_) + ": " + what);
  }

  const std::filesystem::path& file_;
  const TokenNames& ids_;
  std::vector<Merge> merges_;
  std::unordered_map<std::string, int> line_of_;
  int line_number_ = 0;
};

}  // namespace

std::vector<Merge> ReadMerges(const std::filesystem::path& file, const TokenNames& ids) {
  return MergesReader(file, ids).Read();
}

}  // namespace dcp
