// JSON files, read strictly and with errors that name the place.
#ifndef DCP_IO_JSON_FILE_H_
#define DCP_IO_JSON_FILE_H_

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace dcp {

// Parses a JSON object. `source` (a file name) begins every message. Throws Error(kInvalidModel) for text that is not
// JSON, is not an object, gives a key twice in one object, or nests deeper than 64; nothing of the JSON library
// escapes.
nlohmann::json ParseJsonObject(std::string_view text, const std::string& source);

// The same of a file's content. Throws Error(kIo) when the file cannot be read.
nlohmann::json LoadJsonObject(const std::filesystem::path& path);

// A value as messages show it, in one short line: `"four"`, `-1`, `an array`.
std::string Describe(const nlohmann::json& value);

// Foreign text as messages show it: one line of printable ASCII, the rest escaped (\x0a), cut when long.
std::string Printable(std::string_view text);

}  // namespace dcp

#endif  // DCP_IO_JSON_FILE_H_
