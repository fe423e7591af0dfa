#include "writers/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "dcp/error.h"
#include "io/shape.h"
#include "support/output_file.h"

namespace dcp {
namespace {

void CheckTensors(const std::string& path, const std::vector<TensorToWrite>& tensors) {
  std::set<std::string> names;
  for (const TensorToWrite& tensor : tensors) {
    const std::string where = path + ": tensor " + tensor.name;
    if (tensor.name == "__metadata__")
      throw Error(ErrorCode::kInvalidArgument, where + ": the format reserves this name");
    if (!names.insert(tensor.name).second) throw Error(ErrorCode::kInvalidArgument, where + " is given twice");
    const std::optional<uint64_t> bytes = ByteCount(tensor.shape, ItemSize(tensor.dtype));
    if (bytes != tensor.bytes.size()) {
      throw Error(ErrorCode::kInvalidArgument, where + " has " + std::to_string(tensor.bytes.size()) + " bytes, " +
                                                   std::string(ToString(tensor.dtype)) + " " +
                                                   ShapeToString(tensor.shape) + " needs " +
                                                   (bytes ? std::to_string(*bytes) : "more than fit"));
    }
  }
}

std::string MakeHeader(const std::string& path, const std::vector<const TensorToWrite*>& tensors,
                       const std::map<std::string, std::string>& metadata) try {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorToWrite* tensor : tensors) {
    const uint64_t end = offset + tensor->bytes.size();
    header[tensor->name] = {
        {"dtype", ToString(tensor->dtype)}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
} catch (const nlohmann::json::exception&) {
  throw Error(ErrorCode::kInvalidArgument, path + ": a tensor name or the metadata is not UTF-8");
}

}  // namespace

void WriteSafetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  CheckTensors(path.string(), tensors);
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return ItemSize(a->dtype) > ItemSize(b->dtype);
  });
  const std::string header = MakeHeader(path.string(), order, metadata);
  std::array<std::byte, 8> length;
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i));

  OutputFile file(path);
  file.Write(length);
  file.Write(header);
  for (const TensorToWrite* tensor : order) file.Write(tensor->bytes);
  file.Commit();
}

}  // namespace dcp
