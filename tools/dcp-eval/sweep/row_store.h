// Rows of a sweep that are done, on disk, so that a sweep that was ended goes on where it was.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_ROW_STORE_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_ROW_STORE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/json.h"
#include "common/tool.h"
#include "dcp-eval/sweep/row.h"

namespace dcp::tools {

// A file of JSON lines, {"key": .., "row": ..} each. A key holds whatever the measures depend on: model, policy, text,
// windows, types; rows of other keys stay in the file.
class RowStore {
 public:
  // Without a path nothing is found and nothing is kept. Throws dcp::Error when the file is damaged or cannot be
  // written.
  RowStore(const std::optional<std::string>& path, ToolIo& io);

  // Fills what was measured of `row`; false: it is not in the file.
  bool Find(const Json& key, SweepRow& row) const;

  // Replaces the file by one with this row more.
  void Add(const Json& key, const SweepRow& row);

 private:
  std::optional<std::string> path_;
  std::vector<std::pair<std::string, Json>> rows_;  // by the key's text
  std::string lines_;                               // of the file
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_ROW_STORE_H_
