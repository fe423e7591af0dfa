#include "io/safetensors.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "dcp/error.h"
#include "io/shape.h"
#include "support/escape.h"
#include "support/file_kind.h"
#include "support/json.h"

namespace dcp {
namespace {

using Json = nlohmann::json;

constexpr size_t kLengthBytes = 8;

// What the format's own library allows; more is a corrupt length.
constexpr uint64_t kMaxHeader = 100'000'000;

[[noreturn]] void Fail(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidModel, source + ": " + what);
}

std::string_view HeaderText(const MappedFile& file, const std::string& source) {
  const std::string_view text = file.text();
  const auto is_foreign = [&] {  // asked where it cannot be a safetensors file, whose first bytes may be any
    if (const std::string_view kind = ForeignKind(text); !kind.empty()) Fail(source, "is " + std::string(kind));
  };
  if (text.size() < kLengthBytes) {
    Fail(source, "has " + std::to_string(text.size()) +
                     " bytes, a safetensors file begins with 8 bytes of header length" +
                     " (a download that was not finished?)");
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  if (length < 2 || length > text.size() - kLengthBytes || length > kMaxHeader) is_foreign();
  const std::string says = "header length is " + std::to_string(length) + " bytes, ";
  if (length < 2) Fail(source, says + "expected at least 2");
  if (length > text.size() - kLengthBytes) {
    Fail(source, says + "the file has only " + std::to_string(text.size()) + " (a download that was not finished?)");
  }
  if (length > kMaxHeader) Fail(source, says + "at most " + std::to_string(kMaxHeader) + " are allowed");
  const std::string_view header = text.substr(kLengthBytes, length);
  if (header[0] != '{') is_foreign();
  if (header[0] != '{') Fail(source, "the header begins with \"" + OneLine(header.substr(0, 1)) + "\", expected \"{\"");
  return header;
}

DType ReadType(const JsonReader& field) {
  const std::optional<DType> dtype = ParseDType(field.Text());
  if (!dtype) field.Fail("F32, F16, BF16, ...");
  return *dtype;
}

// `where` names the tensor.
TensorView ReadEntry(const Json& json, const std::string& where, std::span<const std::byte> data) {
  const JsonReader entry(json, where);
  TensorView tensor{ReadType(entry["dtype"]), entry["shape"].Integers<int64_t>(0), {}};
  const std::vector<uint64_t> ends = entry["data_offsets"].Integers<uint64_t>(0, std::numeric_limits<int64_t>::max());
  if (ends.size() != 2) entry["data_offsets"].Fail("2 integers, not " + std::to_string(ends.size()));
  const auto [begin, end] = std::pair(ends[0], ends[1]);
  const std::string offsets = "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "] ";
  if (begin > end) Fail(where, offsets + "begin after their end");
  const std::string described = std::string(ToString(tensor.dtype)) + " " + ShapeToString(tensor.shape);
  const std::optional<uint64_t> needed = ByteCount(tensor.shape, ItemSize(tensor.dtype));
  if (!needed) Fail(where, "shape: " + described + " is more than 2^63 bytes");
  if (*needed != end - begin) {
    Fail(where, offsets + "hold " + std::to_string(end - begin) + " bytes, " + described + " needs " +
                    std::to_string(*needed));
  }
  if (end > data.size()) {
    Fail(where, offsets + "end past the data of the file, which has " + std::to_string(data.size()) +
                    " bytes (a download that was not finished?)");
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

void CheckMetadata(const Json& metadata, const std::string& source) {
  const JsonReader reader(metadata, source + ": __metadata__");
  if (!metadata.is_object()) reader.Fail("an object");
  for (const auto& [key, value] : metadata.items()) (void)reader[key].Text();
}

// The tensors, in the order of their bytes, must follow one another from the first byte of the data to the last.
void CheckCoverage(const std::map<std::string, TensorView>& tensors, std::span<const std::byte> data,
                   const std::string& source) {
  std::vector<std::pair<const std::string*, std::span<const std::byte>>> order;
  for (const auto& [name, tensor] : tensors) order.emplace_back(&name, tensor.bytes);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.data(), a.second.size()) < std::pair(b.second.data(), b.second.size());
  });
  uint64_t reached = 0;
  const std::string* previous = nullptr;
  for (const auto& [name, bytes] : order) {
    const auto begin = static_cast<uint64_t>(bytes.data() - data.data());
    if (begin < reached) {
      Fail(source, "tensor " + OneLine(*name) + ": data_offsets begin at " + std::to_string(begin) +
                       ", inside tensor " + OneLine(*previous) + ", which ends at " + std::to_string(reached));
    }
    if (begin > reached) {
      Fail(source, "tensor " + OneLine(*name) + ": data_offsets begin at " + std::to_string(begin) +
                       ", which leaves a hole after byte " + std::to_string(reached));
    }
    reached = begin + bytes.size();
    previous = name;
  }
  if (reached != data.size()) {
    Fail(source,
         "has " + std::to_string(data.size()) + " bytes of data, its tensors end at " + std::to_string(reached));
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::Open(const std::filesystem::path& path) { return Parse(path, MappedFile::Open(path)); }

SafetensorsFile SafetensorsFile::Parse(const std::filesystem::path& path, MappedFile bytes) {
  SafetensorsFile result(path, std::move(bytes));
  const std::string source = path.string();
  const std::string_view text = HeaderText(result.file_, source);
  const std::span<const std::byte> data = result.file_.bytes().subspan(kLengthBytes + text.size());
  const Json header = ParseJsonObject(text, source + ": header");
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      CheckMetadata(entry, source);
    } else {
      result.tensors_.emplace(name, ReadEntry(entry, source + ": tensor " + OneLine(name), data));
    }
  }
  CheckCoverage(result.tensors_, data, source);
  return result;
}

}  // namespace dcp
