// Fingerprints of data: equal data give equal numbers, on every machine.
#ifndef DCP_SUPPORT_HASH_H_
#define DCP_SUPPORT_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "support/random.h"

namespace dcp {

// Where FNV-1a begins.
inline constexpr uint64_t kFnvBasis = 0xCBF29CE484222325u;

// One step of FNV-1a, which takes bytes; larger numbers do as well.
constexpr uint64_t FnvStep(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x100000001B3u; }

// FNV-1a (Fowler, Noll, Vo) of bytes, going on from `hash`.
inline uint64_t FnvHash(uint64_t hash, const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) hash = FnvStep(hash, bytes[i]);
  return hash;
}

// Eight bytes at a time, for hundreds of megabytes; the last word is filled up with zeros.
inline uint64_t WordHash(uint64_t hash, const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, size - i < sizeof(word) ? size - i : sizeof(word));
    hash = (hash ^ word) * kGoldenGamma;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace dcp

#endif  // DCP_SUPPORT_HASH_H_
