#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/files.h"
#include "text/vocabulary.h"

namespace dcp {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, where + ": " + what);
}

std::string_view TakeLine(std::string_view* rest) {
  std::string_view line = rest->substr(0, rest->find('\n'));
  rest->remove_prefix(std::min(line.size() + 1, rest->size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void MergeList::Add(std::string_view left, std::string_view right, const std::function<std::string()>& where) {
  const auto find = [&](const std::string& token) {
    const auto entry = ids_.find(token);
    if (entry != ids_.end()) return entry->second;
    const std::string merge = std::string(left).append(" ").append(right);
    Fail(where(), "merge " + Quote(merge) + " needs token " + Quote(token) + ", which has no id");
  };
  if (left.empty() || right.empty()) {
    Fail(where(), "merge of " + Quote(left) + " and " + Quote(right) + " has an empty half");
  }
  merges_.push_back({find(std::string(left)), find(std::string(right)), find(std::string(left).append(right))});
}

std::vector<Merge> ReadMerges(const std::filesystem::path& file, const TokenNames& ids) {
  const std::string text = ReadFile(file);
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  rest = rest.substr(0, rest.find_last_not_of("\r\n") + 1);
  MergeList merges(ids);
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = TakeLine(&rest);
    if (number == 1 && line.starts_with("#version")) continue;
    const auto where = [&] { return file.string() + ": line " + std::to_string(number); };
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() || line.rfind(' ') != space) {
      Fail(where(), Quote(line) + " is not two tokens parted by one space");
    }
    merges.Add(line.substr(0, space), line.substr(space + 1), where);
  }
  return merges.Take();
}

}  // namespace dcp
