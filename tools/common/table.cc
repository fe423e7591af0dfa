#include "common/table.h"

#include <algorithm>

#include "common/format.h"
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

// One line from the cells of all columns, without spaces at its end.
std::string Joined(std::span<const std::string> cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : "  ") + cell;
  return line.erase(line.find_last_not_of(' ') + 1) + '\n';
}

}  // namespace

TableRow& TableRow::Add(std::string name, Json value) { return AddJson(name, value).AddCsv(name, std::move(value)); }

TableRow& TableRow::AddJson(std::string name, Json value) {
  last_ = value;
  json_[std::move(name)] = std::move(value);
  return *this;
}

TableRow& TableRow::AddCsv(std::string name, Json value) {
  last_ = value;
  csv_.emplace_back(std::move(name), std::move(value));
  return *this;
}

TableRow& TableRow::Show(std::string heading, const char* format) {
  const bool number = last_.is_number();
  std::string cell = number ? Format(format, last_.get<double>()) : last_.is_null() ? "-" : Plain(last_);
  return ShowText(std::move(heading), std::move(cell), last_.is_string());
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

std::string ToListing(std::span<const std::pair<std::string, std::string>> lines) {
  std::vector<TableRow> rows;
  for (const auto& [name, value] : lines) rows.emplace_back().ShowText("", name, true).ShowText("", value, true);
  return ToText(rows);
}

}  // namespace dcp::tools
