#include "dcp-finetune/convert/torch_file.h"

#include <caffe2/serialize/inline_container.h>

#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "dcp-finetune/convert/pickle.h"
#include "dcp/error.h"
#include "support/escape.h"
#include "support/file_kind.h"
#include "support/mapped_file.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;
using Kind = PickleValue::Kind;

constexpr std::string_view kZip = "PK\x03\x04";
constexpr char kPickle = '\x80';
constexpr size_t kMostDimensions = 8;

[[noreturn]] void Fail(const std::string& what) { throw Error(ErrorCode::kInvalidModel, what); }

std::optional<torch::ScalarType> TypeOfStorage(std::string_view global) {
  static const std::map<std::string_view, torch::ScalarType> kTypes = {
      {"torch.FloatStorage", torch::kFloat},       {"torch.HalfStorage", torch::kHalf},
      {"torch.BFloat16Storage", torch::kBFloat16}, {"torch.DoubleStorage", torch::kDouble},
      {"torch.LongStorage", torch::kLong},         {"torch.IntStorage", torch::kInt},
      {"torch.ShortStorage", torch::kShort},       {"torch.CharStorage", torch::kChar},
      {"torch.ByteStorage", torch::kByte},         {"torch.BoolStorage", torch::kBool}};
  const auto found = kTypes.find(global);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

// f(storage, offset, size, stride, ..)
bool RebuildsTensor(std::string_view global) {
  return global == "torch._utils._rebuild_tensor_v2" || global == "torch._utils._rebuild_tensor";
}

// f(tensor, ..)
bool RebuildsParameter(std::string_view global) {
  return global == "torch._utils._rebuild_parameter" || global == "torch._utils._rebuild_parameter_with_state";
}

bool IsKnown(std::string_view global) {
  return TypeOfStorage(global) || RebuildsTensor(global) || RebuildsParameter(global);
}

// A run of numbers that tensors are views of.
struct StorageId {
  std::string key;
  torch::ScalarType type;
  int64_t size;    // numbers
  int64_t offset;  // of a view into it
};

// Bytes of a storage; the deleter of the tensor made of them keeps them.
struct StorageBytes {
  const void* data = nullptr;
  size_t size = 0;
  std::shared_ptr<const void> owner;
};

const PickleValue& Argument(const PickleValue& call, size_t index, Kind kind, const char* expected) {
  if (index >= call.items.size() || call.items[index]->kind != kind) Fail(std::string("expected ") + expected);
  return *call.items[index];
}

int64_t Size(const PickleValue& call, size_t index) {
  const int64_t size = Argument(call, index, Kind::kInteger, "a size").integer;
  if (size < 0) Fail("a size is " + std::to_string(size));
  return size;
}

std::vector<int64_t> Sizes(const PickleValue& tuple) {
  if (tuple.items.size() > kMostDimensions) Fail("has " + std::to_string(tuple.items.size()) + " dimensions");
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < tuple.items.size(); ++i) sizes.push_back(Size(tuple, i));
  return sizes;
}

// ("storage", type, key, location, size) and, in the old form, None or (key of the view, offset, size).
StorageId ReadStorageId(const PickleValue& id) {
  if (id.kind != Kind::kPersistent || Argument(id, 0, Kind::kText, "a storage").text != "storage") {
    Fail("expected a storage");
  }
  const std::string_view type = Argument(id, 1, Kind::kGlobal, "the type of a storage").text;
  const std::optional<torch::ScalarType> known = TypeOfStorage(type);
  if (!known) Fail(OneLine(type) + " is not the type of a storage");
  StorageId storage = {std::string(Argument(id, 2, Kind::kText, "the key of a storage").text), *known, Size(id, 4), 0};
  if (id.items.size() > 5 && id.items[5]->kind == Kind::kTuple) storage.offset = Size(*id.items[5], 1);
  return storage;
}

// Where the last number of such a view stands, plus 1; nullopt beyond 64 bits. REQUIRES: no size is 0.
std::optional<int64_t> EndOf(int64_t offset, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  int64_t end = offset;
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t distance = 0;
    if (__builtin_mul_overflow(sizes[i] - 1, strides[i], &distance)) return std::nullopt;
    if (__builtin_add_overflow(end, distance, &end)) return std::nullopt;
  }
  return end == std::numeric_limits<int64_t>::max() ? std::nullopt : std::optional(end + 1);
}

std::optional<int64_t> Product(const std::vector<int64_t>& sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (__builtin_mul_overflow(product, size, &product)) return std::nullopt;
  }
  return product;
}

void CheckStorage(const StorageId& storage, size_t bytes) {
  const size_t item = torch::elementSize(storage.type);
  if (bytes / item >= static_cast<size_t>(storage.size)) return;
  Fail("its storage has " + std::to_string(bytes) + " bytes, " + std::to_string(storage.size) + " x " +
       std::to_string(item) + " are due");
}

// A file whose state dictionary has been read; `open` gives the bytes of a storage.
class StateDict {
 public:
  using Open = std::function<StorageBytes(const StorageId&)>;

  StateDict(Open open, size_t file_size) : open_(std::move(open)), room_(4 * file_size) {}

  std::vector<NamedTensor> Read(const PickleValue& root) {
    std::vector<NamedTensor> tensors = ReadDict(root);
    for (const char* key : {"state_dict", "model_state_dict", "model", "module"}) {
      const PickleValue* const inner = root.Find(key);
      if (tensors.empty() && inner != nullptr) tensors = ReadDict(*inner);
    }
    if (tensors.empty()) Fail("holds no dictionary of tensors");
    return tensors;
  }

 private:
  // The tensors among the values of a dictionary.
  std::vector<NamedTensor> ReadDict(const PickleValue& dict) {
    std::map<std::string_view, const PickleValue*> calls;  // by name, the last one that was set
    if (dict.kind != Kind::kDict) return {};
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = *dict.items[i];
      if (key.kind == Kind::kText && dict.items[i + 1]->kind == Kind::kCall) calls[key.text] = dict.items[i + 1];
    }
    std::vector<NamedTensor> tensors;
    for (const auto& [name, call] : calls) {
      try {
        tensors.push_back({std::string(name), ReadTensor(*call)});
      } catch (const Error& error) {
        Fail("tensor " + OneLine(name) + ": " + error.what());
      }
    }
    return tensors;
  }

  Tensor ReadTensor(const PickleValue& value) {
    const PickleValue* call = &value;
    if (RebuildsParameter(call->text)) call = &Argument(*call, 0, Kind::kCall, "a tensor in a parameter");
    if (!RebuildsTensor(call->text)) Fail(OneLine(call->text) + " makes no tensor");
    const StorageId storage = ReadStorageId(Argument(*call, 0, Kind::kPersistent, "a storage"));
    const std::vector<int64_t> sizes = Sizes(Argument(*call, 2, Kind::kTuple, "a tuple of sizes"));
    const std::vector<int64_t> strides = Sizes(Argument(*call, 3, Kind::kTuple, "a tuple of strides"));
    if (sizes.size() != strides.size()) Fail("has other numbers of sizes and of strides");
    const std::optional<int64_t> count = Product(sizes);
    int64_t offset = Size(*call, 1);
    if (__builtin_add_overflow(offset, storage.offset, &offset)) Fail("an offset is too large");
    if (count != 0) {
      const std::optional<int64_t> end = EndOf(offset, sizes, strides);
      if (!count || !end || *count > storage.size || *end > storage.size) {
        Fail("goes beyond its storage of " + std::to_string(storage.size) + " numbers");
      }
    } else {
      offset = 0;
    }
    return View(storage, offset, sizes, strides);
  }

  Tensor View(const StorageId& storage, int64_t offset, const std::vector<int64_t>& sizes,
              const std::vector<int64_t>& strides) {
    const size_t item = torch::elementSize(storage.type);
    auto found = storages_.find(storage.key);
    if (found == storages_.end()) found = storages_.emplace(storage.key, open_(storage)).first;
    const StorageBytes bytes = found->second;
    CheckStorage(storage, bytes.size);  // each time: two ids may say different things of one storage
    const auto* const first = static_cast<const std::byte*>(bytes.data) + static_cast<size_t>(offset) * item;
    const Tensor view = torch::from_blob(
        const_cast<std::byte*>(first), sizes, strides, [owner = bytes.owner](void*) {}, storage.type);
    const Tensor tensor = view.contiguous();
    if (tensor.nbytes() > room_) Fail("the tensors are many times as large as the file");
    room_ -= tensor.nbytes();
    return tensor;
  }

  Open open_;
  size_t room_;  // bytes that tensors may still have
  std::map<std::string, StorageBytes> storages_;
};

// The form of torch 1.6 and later: data.pkl, and a record data/KEY for each storage.
std::vector<NamedTensor> ReadArchive(const std::filesystem::path& path, size_t file_size) {
  caffe2::serialize::PyTorchStreamReader archive(path.string());
  const auto read = [&](const std::string& name) {
    auto record = std::make_shared<std::pair<at::DataPtr, size_t>>();
    std::tie(record->first, record->second) = archive.getRecord(name);
    return record;
  };
  if (!archive.hasRecord("data.pkl")) Fail("has no data.pkl: no archive of torch.save");
  if (archive.hasRecord("byteorder")) {
    const auto order = read("byteorder");
    if (std::string_view(static_cast<const char*>(order->first.get()), order->second) != "little") {
      Fail("was not written on a little-endian machine");
    }
  }
  const auto open = [&](const StorageId& storage) {
    const auto record = read("data/" + storage.key);
    return StorageBytes{record->first.get(), record->second, record};
  };
  const auto pickle = read("data.pkl");
  std::string_view bytes(static_cast<const char*>(pickle->first.get()), pickle->second);
  Pickle values(IsKnown);
  return StateDict(open, file_size).Read(values.Read(bytes));
}

// The older form: pickles of a magic number, a protocol, the machine, the dictionary and the keys of the storages; then
// the storages in that order, each a count of 8 bytes and its numbers.
class PickleRow {
 public:
  explicit PickleRow(const MappedFile& file) : rest_(file.text()), size_(rest_.size()) {}

  std::vector<NamedTensor> Read() {
    Pickle values(IsKnown);
    values.Read(rest_);  // a magic number; what is no such file fails at the next ones
    if (values.Read(rest_).integer != kProtocol) Fail("is no file of torch.save");
    const PickleValue* const little = values.Read(rest_).Find("little_endian");
    if (little == nullptr || little->integer != 1) Fail("was not written on a little-endian machine");
    const PickleValue& root = values.Read(rest_);
    const PickleValue& keys = values.Read(rest_);
    FindStorages(values, keys);
    return StateDict([this](const StorageId& storage) { return Open(storage); }, size_).Read(root);
  }

 private:
  static constexpr int64_t kProtocol = 1001;

  void FindStorages(const Pickle& values, const PickleValue& keys) {
    std::map<std::string, size_t> item_sizes;
    for (const PickleValue& value : values.values()) {
      if (value.kind != Kind::kPersistent) continue;
      const StorageId storage = ReadStorageId(value);
      item_sizes[storage.key] = torch::elementSize(storage.type);
    }
    for (size_t i = 0; i < keys.items.size(); ++i) {
      const std::string key(Argument(keys, i, Kind::kText, "the key of a storage").text);
      uint64_t count = 0;
      if (rest_.size() < sizeof count) Fail("ends before storage " + OneLine(key) + " (cut off?)");
      std::memcpy(&count, rest_.data(), sizeof count);
      rest_.remove_prefix(sizeof count);
      const size_t item = item_sizes[key];
      if (item == 0) Fail("storage " + OneLine(key) + " has no type");
      if (count > rest_.size() / item) Fail("ends within storage " + OneLine(key) + " (cut off?)");
      storages_[key] = rest_.substr(0, count * item);
      rest_.remove_prefix(count * item);
    }
  }

  // A copy: in the file, numbers need not stand at multiples of their size.
  StorageBytes Open(const StorageId& storage) const {
    const auto found = storages_.find(storage.key);
    if (found == storages_.end()) Fail("its storage is missing");
    const auto bytes =
        std::make_shared<Tensor>(torch::empty({static_cast<int64_t>(found->second.size())}, torch::kByte));
    std::memcpy(bytes->data_ptr(), found->second.data(), found->second.size());
    return {bytes->data_ptr(), bytes->nbytes(), bytes};
  }

  std::string_view rest_;
  size_t size_;  // of the file
  std::map<std::string, std::string_view> storages_;
};

// What libtorch says, without the trace of its stack.
std::string FirstLine(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::vector<NamedTensor> ReadTorchFile(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::Open(path);
  try {
    if (file.text().starts_with(kZip)) return ReadArchive(path, file.bytes().size());
    if (file.text().starts_with(kPickle)) return PickleRow(file).Read();
    const std::string_view kind = ForeignKind(file.text());
    Fail(kind.empty() ? "is no file of torch.save" : "is " + std::string(kind));
  } catch (const Error& error) {
    throw Error(error.code(), path.string() + ": " + error.what());
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::kInvalidModel, path.string() + ": cannot be read (cut off?): " + FirstLine(error));
  }
}

}  // namespace dcp::finetune
