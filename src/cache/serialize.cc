#include "cache/serialize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <istream>
#include <limits>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "dcp/error.h"
#include "support/hash.h"

namespace dcp {
namespace {

constexpr char kMagic[8] = {'d', 'c', 'p', 'c', 'a', 'c', 'h', 'e'};
constexpr uint32_t kVersion = 2;
constexpr uint32_t kByteOrder = 0x01020304;

[[noreturn]] void Reject(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, "saved cache: " + why); }

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  void Bytes(const void* data, size_t size) {
    checksum_ = FnvHash(checksum_, data, size);
    out_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  template <typename T>
  void Value(T value) {
    static_assert(std::is_arithmetic_v<T>);
    Bytes(&value, sizeof(value));
  }
  void Finish() {
    const uint64_t sum = checksum_;
    out_.write(reinterpret_cast<const char*>(&sum), sizeof(sum));
    out_.flush();
    if (!out_) throw Error(ErrorCode::kIo, "saved cache: the stream refused the data");
  }

 private:
  std::ostream& out_;
  uint64_t checksum_ = kFnvBasis;  // FNV-1a of everything that went through
};

class Reader {
 public:
  explicit Reader(std::istream& in) : in_(in) {}

  void Bytes(void* data, size_t size) {
    Raw(data, size);
    checksum_ = FnvHash(checksum_, data, size);
  }
  template <typename T>
  T Value() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    Bytes(&value, sizeof(value));
    return value;
  }
  // Reads a value and insists on it.
  template <typename T>
  void Expect(const char* field, T expected) {
    const T found = Value<T>();
    if (found != expected) {
      Reject(std::string(field) + " is " + std::to_string(found) + ", expected " + std::to_string(expected));
    }
  }
  void Finish() {
    const uint64_t expected = checksum_;
    uint64_t found = 0;
    Raw(&found, sizeof(found));
    if (found != expected)
      Reject("checksum is " + std::to_string(found) + ", the data give " + std::to_string(expected));
  }

 private:
  void Raw(void* data, size_t size) {
    in_.read(static_cast<char*>(data), static_cast<std::streamsize>(size));
    if (in_.bad()) throw Error(ErrorCode::kIo, "saved cache: the stream cannot be read");
    if (static_cast<size_t>(in_.gcount()) != size) {
      Reject("ends early: " + std::to_string(in_.gcount()) + " of " + std::to_string(size) + " bytes");
    }
  }

  std::istream& in_;
  uint64_t checksum_ = kFnvBasis;  // FNV-1a of everything that went through
};

void WriteShape(Writer& writer, const CacheShape& shape) {
  for (uint64_t n : {static_cast<uint64_t>(shape.layers), static_cast<uint64_t>(shape.positions),
                     static_cast<uint64_t>(shape.page.heads), static_cast<uint64_t>(shape.page.head_dim),
                     static_cast<uint64_t>(shape.page.int_dim), static_cast<uint64_t>(shape.page.element_bytes()),
                     static_cast<uint64_t>(shape.tracking.attention), static_cast<uint64_t>(shape.eviction_delay)}) {
    writer.Value(n);
  }
}

void ExpectShape(Reader& reader, const CacheShape& shape) {
  reader.Expect<uint64_t>("number of layers", static_cast<uint64_t>(shape.layers));
  reader.Expect<uint64_t>("number of positions", static_cast<uint64_t>(shape.positions));
  reader.Expect<uint64_t>("number of heads", shape.page.heads);
  reader.Expect<uint64_t>("head width", shape.page.head_dim);
  reader.Expect<uint64_t>("interaction width", shape.page.int_dim);
  reader.Expect<uint64_t>("bytes of a K or V element", shape.page.element_bytes());
  reader.Expect<uint64_t>("attention tracking", shape.tracking.attention);
  reader.Expect<uint64_t>("eviction delay", static_cast<uint64_t>(shape.eviction_delay));
}

// `decides`: drops of this layer are decided. Else what expires does so by its position, which is not saved, but for
// what another policy had decided before.
void WriteLayer(Writer& writer, const CacheShape& shape, const LayerSlots& slots, bool decides) {
  writer.Value(static_cast<uint64_t>(slots.size()));
  writer.Bytes(slots.positions(), slots.size() * sizeof(int32_t));
  if (shape.tracking.attention) writer.Bytes(slots.attention(), slots.size() * sizeof(float));
  if (shape.eviction_delay > 0) {
    std::vector<int32_t> expires(slots.expires(), slots.expires() + slots.size());
    for (size_t i = 0; i < expires.size(); ++i) {
      if (!decides && std::isnan(slots.drop_scores()[i])) expires[i] = kNever;
    }
    writer.Bytes(expires.data(), expires.size() * sizeof(int32_t));
    writer.Bytes(slots.drop_scores(), slots.size() * sizeof(float));
  }
  // Slots are copied into a clean page, so that what other sequences left in unused ones does not get out.
  std::vector<std::byte> clean(shape.page.page_bytes());
  for (size_t p = 0; p < slots.page_count(); ++p) {
    const size_t used = std::min(kPanel, slots.size() - p * kPanel);
    std::fill(clean.begin(), clean.end(), std::byte{0});
    for (size_t lane = 0; lane < used; ++lane) CopySlot(shape.page, slots.page(p), lane, clean.data(), lane);
    writer.Bytes(clean.data(), clean.size());
  }
}

// Drops that were decided and have not taken effect: by tokens that were seen, about tokens before them.
void ReadDecidedDrops(Reader& reader, const CacheShape& shape, int32_t seen, LayerSlots& slots) {
  reader.Bytes(slots.expires(), slots.size() * sizeof(int32_t));
  reader.Bytes(slots.drop_scores(), slots.size() * sizeof(float));
  for (size_t i = 0; i < slots.size(); ++i) {
    const int32_t expires = slots.expires()[i];
    const int32_t position = slots.positions()[i];
    if (expires == kNever) continue;
    if (expires < seen || expires - seen >= shape.eviction_delay || expires - position <= shape.eviction_delay) {
      Reject("position " + std::to_string(position) + " expires at " + std::to_string(expires) + " after " +
             std::to_string(seen) + " seen tokens and under an eviction delay of " +
             std::to_string(shape.eviction_delay));
    }
  }
  slots.ExpiriesWritten();
}

void ReadLayer(Reader& reader, const CacheShape& shape, int32_t seen, LayerSlots& slots) {
  const auto count = reader.Value<uint64_t>();
  if (count == 0 || count > static_cast<uint64_t>(seen)) {
    Reject(std::to_string(count) + " kept tokens of " + std::to_string(seen) + " seen ones");
  }
  std::vector<int32_t> positions(count);
  reader.Bytes(positions.data(), count * sizeof(int32_t));
  std::vector<bool> taken(static_cast<size_t>(seen));
  for (int32_t position : positions) {
    if (position < 0 || position >= seen || taken[static_cast<size_t>(position)]) {
      Reject("position " + std::to_string(position) + " is repeated or not in 0 .. " + std::to_string(seen - 1));
    }
    taken[static_cast<size_t>(position)] = true;
  }
  slots.Assign(positions);
  if (shape.tracking.attention) reader.Bytes(slots.attention(), count * sizeof(float));
  if (shape.eviction_delay > 0) ReadDecidedDrops(reader, shape, seen, slots);
  for (size_t p = 0; p < slots.page_count(); ++p) reader.Bytes(slots.page(p), shape.page.page_bytes());
}

void WriteDrops(Writer& writer, const DropLog& log) {
  writer.Bytes(log.dropped_at.data(), log.dropped_at.size() * sizeof(int32_t));
  writer.Bytes(log.score.data(), log.score.size() * sizeof(float));
}

DropLog NewLog(size_t seen) {
  return {std::vector<int32_t>(seen, -1), std::vector<float>(seen, std::numeric_limits<float>::quiet_NaN())};
}

DropLog ReadDrops(Reader& reader, size_t seen) {
  DropLog log = NewLog(seen);
  reader.Bytes(log.dropped_at.data(), seen * sizeof(int32_t));
  reader.Bytes(log.score.data(), seen * sizeof(float));
  return log;
}

void ReadSequence(Reader& reader, const CacheShape& shape, bool has_drops, CachedSequence& sequence) {
  const auto seen = static_cast<size_t>(sequence.seen);
  for (LayerSlots& slots : sequence.layers) {
    if (seen > 0) ReadLayer(reader, shape, sequence.seen, slots);
  }
  for (LayerSlots& slots : sequence.layers) {
    const DropLog log = has_drops ? ReadDrops(reader, seen) : NewLog(seen);
    if (shape.tracking.drops) slots.RestoreDrops(log);
  }
}

}  // namespace

void SaveSequence(const BatchedCache& cache, uint64_t fingerprint, const CachedSequence& sequence,
                  const std::vector<bool>& decides, std::ostream& out) {
  if (sequence.broken) Reject("sequence " + std::to_string(sequence.id) + " is incomplete: a pass failed midway");
  Writer writer(out);
  writer.Bytes(kMagic, sizeof(kMagic));
  writer.Value(kVersion);
  writer.Value(kByteOrder);
  writer.Value(fingerprint);
  WriteShape(writer, cache.shape());
  writer.Value(sequence.seen);
  writer.Value(static_cast<uint32_t>(cache.shape().tracking.drops ? 1 : 0));
  if (sequence.seen > 0) {
    for (size_t i = 0; i < sequence.layers.size(); ++i) {
      WriteLayer(writer, cache.shape(), sequence.layers[i], decides[i]);
    }
  }
  if (cache.shape().tracking.drops) {
    for (const LayerSlots& slots : sequence.layers) WriteDrops(writer, slots.drops());
  }
  writer.Finish();
}

CachedSequence& RestoreSequence(BatchedCache& cache, std::shared_ptr<const PolicyRules> rules, uint64_t fingerprint,
                                std::istream& in) {
  Reader reader(in);
  char magic[sizeof(kMagic)];
  reader.Bytes(magic, sizeof(magic));
  if (std::memcmp(magic, kMagic, sizeof(kMagic)) != 0) Reject("does not begin with \"dcpcache\"");
  reader.Expect<uint32_t>("version", kVersion);
  reader.Expect<uint32_t>("byte order mark", kByteOrder);
  reader.Expect<uint64_t>("fingerprint of the model", fingerprint);
  ExpectShape(reader, cache.shape());
  const auto seen = reader.Value<int32_t>();
  if (seen < 0 || seen > cache.shape().positions) {
    Reject(std::to_string(seen) + " tokens seen, the model has " + std::to_string(cache.shape().positions) +
           " positions");
  }
  const bool has_drops = reader.Value<uint32_t>() != 0;
  CachedSequence& sequence = cache.Add(std::move(rules));
  try {
    sequence.seen = seen;
    ReadSequence(reader, cache.shape(), has_drops, sequence);
    reader.Finish();
  } catch (...) {
    cache.Remove(sequence.id);
    throw;
  }
  return sequence;
}

}  // namespace dcp
