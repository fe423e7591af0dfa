#include "common/table.h"

#include <algorithm>
#include <utility>

#include "common/format.h"
#include "common/measure.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

std::string Plain(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const Json& element : value) list += (list.empty() ? "" : " ") + Plain(element);
  return list;
}

std::string CsvField(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  for (size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2) text.insert(i, 1, '"');
  return '"' + text + '"';
}

// Characters of UTF-8.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Padded(const std::string& text, size_t width, bool left) {
  const std::string spaces(width - Width(text), ' ');
  return left ? text + spaces : spaces + text;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  lines.push_back(text.substr(begin));
  return lines;
}

std::string CellOf(const Json& value, const char* format) {
  if (value.is_null()) return "-";
  return value.is_number() ? Format(format, value.get<double>()) : Plain(value);
}

// One line from the cells of all columns, without spaces at its end.
std::string Joined(std::span<const std::string> cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : "  ") + cell;
  return line.erase(line.find_last_not_of(' ') + 1) + '\n';
}

}  // namespace

TableRow& TableRow::Add(std::string name, Json value) { return AddJson(name, value).AddCsv(name, std::move(value)); }

TableRow& TableRow::AddMean(const std::string& name, const MeanError& mean) {
  Add(name, mean.mean).Add(name + "_stderr", OrNull(mean.error));
  last_error_ = std::exchange(last_, mean.mean);
  return *this;
}

TableRow& TableRow::AddEstimate(const std::string& name, const Estimate& estimate) {
  const Json bounds = Bounds(estimate);
  Add(name, estimate.value).AddJson(name + "_95", bounds);
  AddCsv(name + "_95_low", bounds.is_null() ? bounds : bounds[0]);
  AddCsv(name + "_95_high", bounds.is_null() ? bounds : bounds[1]);
  last_ = estimate.value;
  return *this;
}

TableRow& TableRow::AddJson(std::string name, Json value) {
  last_ = value;
  last_error_ = nullptr;
  json_[std::move(name)] = std::move(value);
  return *this;
}

TableRow& TableRow::AddCsv(std::string name, Json value) {
  last_ = value;
  last_error_ = nullptr;
  csv_.emplace_back(std::move(name), std::move(value));
  return *this;
}

TableRow& TableRow::Show(std::string heading, const char* format) {
  std::string cell = CellOf(last_, format);
  if (!last_error_.is_null()) cell += " +- " + CellOf(last_error_, format);
  return ShowText(std::move(heading), std::move(cell), last_.is_string());
}

TableRow& TableRow::ShowBytes(std::string heading) {
  return ShowText(std::move(heading), HumanBytes(last_.get<double>()));
}

TableRow& TableRow::ShowText(std::string heading, std::string cell, bool left) {
  cells_.push_back({std::move(heading), OneLine(cell), left});
  return *this;
}

Json ToJson(std::span<const TableRow> rows) {
  Json array = Json::array();
  for (const TableRow& row : rows) array.push_back(row.json_);
  return array;
}

std::string ToCsv(std::span<const TableRow> rows) {
  if (rows.empty()) return "";
  const auto line = [](const TableRow& row, const auto& text) {
    std::string fields;
    for (const auto& field : row.csv_) fields += (&field == row.csv_.data() ? "" : ",") + CsvField(text(field));
    return fields + '\n';
  };
  std::string csv = line(rows[0], [](const auto& field) { return field.first; });
  for (const TableRow& row : rows) csv += line(row, [](const auto& field) { return Plain(field.second); });
  return csv;
}

std::string ToText(std::span<const TableRow> rows) {
  if (rows.empty()) return "";
  size_t heading_lines = 0;
  for (const auto& cell : rows[0].cells_) {
    if (!cell.heading.empty()) heading_lines = std::max(heading_lines, Lines(cell.heading).size());
  }
  std::vector<std::vector<std::string>> lines(heading_lines + rows.size());  // [.., columns]
  for (size_t column = 0; column < rows[0].cells_.size(); ++column) {
    std::vector<std::string> texts = Lines(rows[0].cells_[column].heading);
    texts.resize(heading_lines);
    bool left = false;
    for (const TableRow& row : rows) {
      texts.push_back(row.cells_[column].text);
      left = left || row.cells_[column].left;
    }
    size_t width = 0;
    for (const std::string& text : texts) width = std::max(width, Width(text));
    for (size_t i = 0; i < texts.size(); ++i) lines[i].push_back(Padded(texts[i], width, left));
  }
  std::string table;
  for (const auto& line : lines) table += Joined(line);
  return table;
}

std::string ToListing(const TableRow& row) {
  std::vector<TableRow> lines;
  for (const auto& cell : row.cells_) {
    std::string name = cell.heading;
    std::replace(name.begin(), name.end(), '\n', ' ');
    lines.emplace_back().ShowText("", std::move(name), true).ShowText("", cell.text, true);
  }
  return ToText(lines);
}

}  // namespace dcp::tools
