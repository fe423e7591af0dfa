// Results that took long to make, on disk as soon as they are there, so that work that was ended goes on where it was.
#ifndef DCP_TOOLS_COMMON_RESULT_STORE_H_
#define DCP_TOOLS_COMMON_RESULT_STORE_H_

#include <optional>
#include <string>
#include <unordered_map>

#include "common/json.h"
#include "common/results_file.h"

namespace dcp::tools {

// A file of JSON lines, {"key": .., "row": ..} each. A key holds whatever the result depends on; rows of other keys
// stay in the file.
class ResultStore {
 public:
  // Without a path nothing is found and nothing is kept, nor on other ranks than the first. Throws dcp::Error when the
  // file cannot be read or written, or holds something else; a last line that is not whole is cut off.
  explicit ResultStore(const std::optional<std::string>& path);

  // Whether results are kept.
  explicit operator bool() const { return file_.has_value(); }

  // Null: it is not there. Good until the next Add.
  const Json* Find(const Json& key) const;

  // Appends a row.
  void Add(const Json& key, Json row);

  // Goes over what was found: the file's name and the line of a row, for messages.
  template <typename Check>
  void CheckRows(const Check& check) const {
    for (const auto& [key, stored] : rows_) check(stored.row, *path_ + ":" + std::to_string(stored.line));
  }

 private:
  struct Stored {
    Json row;
    size_t line = 0;
  };

  std::optional<std::string> path_;
  std::optional<ResultsFile> file_;
  std::unordered_map<std::string, Stored> rows_;  // by the key's text
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RESULT_STORE_H_
