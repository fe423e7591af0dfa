// Rows of results: each is described once, and all are written as JSON, as CSV and as columns of text.
//
//   TableRow row;
//   row.Add("policy", result.policy).Show("policy");
//   row.Add("tokens_per_s", result.tokens_per_s).Show("speed\ntokens/s", "%.1f");
//   row.Add("seed", result.seed);                                // not in the text
//   row.Add("kv_bytes", result.bytes).ShowBytes("KV");           // "1.50 MiB" in the text
//   row.ShowText("steps", Format("%d of %d", done, all));        // in the text alone
//
// A new number of a report is one such line.
#ifndef DCP_TOOLS_COMMON_TABLE_H_
#define DCP_TOOLS_COMMON_TABLE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/estimate.h"
#include "common/json.h"

namespace dcp::tools {

class TableRow {
 public:
  // A field of the JSON object and a column of the CSV file.
  TableRow& Add(std::string name, Json value);

  // In one of them only.
  TableRow& AddJson(std::string name, Json value);
  TableRow& AddCsv(std::string name, Json value);

  // A mean: fields `name` and `name`_stderr, null where it is not known; shown as "mean +- error".
  TableRow& AddMean(const std::string& name, const MeanError& mean);

  // An estimate: fields `name` and `name`_95, the interval or null - in CSV `name`_95_low and `name`_95_high; shown as
  // the value.
  TableRow& AddEstimate(const std::string& name, const Estimate& estimate);

  // A column of the text: what was added last, numbers (to the right) by a printf format of a double, text to the left,
  // null as "-". Lines of the heading are parted by '\n'.
  TableRow& Show(std::string heading, const char* format = "%.6g");

  // ... in bytes, as "1.50 MiB".
  TableRow& ShowBytes(std::string heading);

  const Json& json() const { return json_; }

  // A column of the text alone.
  TableRow& ShowText(std::string heading, std::string cell, bool left = false);

 private:
  friend Json ToJson(std::span<const TableRow> rows);
  friend std::string ToListing(const TableRow& row);
  friend std::string ToCsv(std::span<const TableRow> rows);
  friend std::string ToText(std::span<const TableRow> rows);

  struct Cell {
    std::string heading;
    std::string text;
    bool left;
  };

  Json json_ = Json::object();
  std::vector<std::pair<std::string, Json>> csv_;
  std::vector<Cell> cells_;
  Json last_;        // value
  Json last_error_;  // of a mean
};

// An array with an object for each row.
Json ToJson(std::span<const TableRow> rows);

// Comma-separated values (RFC 4180, lines end in \n) below a line of names: fields with commas, quotes or line ends are
// quoted, null is empty, the elements of an array are parted by spaces. REQUIRES: all rows have the same columns.
std::string ToCsv(std::span<const TableRow> rows);

// Headings (where there are any) and rows, in columns as wide as their widest cell. REQUIRES: all rows have the same
// columns.
std::string ToText(std::span<const TableRow> rows);

// One row by itself: a line for each column, its heading (as one line) and its cell.
std::string ToListing(const TableRow& row);

// For optional numbers.
template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_TABLE_H_
