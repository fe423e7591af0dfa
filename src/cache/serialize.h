// One sequence of a cache as a stream of bytes.
#ifndef DCP_CACHE_SERIALIZE_H_
#define DCP_CACHE_SERIALIZE_H_

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "cache/batched_cache.h"
#include "dcp/session.h"

namespace dcp {

// Format, in the byte order of the machine: "dcpcache", version, byte-order mark, fingerprint of the model, shape of
// the cache, tokens seen, whether drops follow; per layer the number of slots, their positions, attention (if tracked),
// decided drops with their scores (under an eviction delay), and whole pages with unused slots zeroed; drops; a
// checksum of all that. Throws Error(kIo) when the stream fails.
void SaveSequence(const BatchedCache& cache, uint64_t fingerprint, const CachedSequence& sequence,
                  const std::vector<DropLog>& drops, std::ostream& out);

// Adds the saved sequence to the cache; `drops` gets the record saved with it, or nothing. Throws
// Error(kInvalidArgument) when the bytes are damaged or were saved from another model or kind of cache,
// Error(kIo) when the stream fails, Error(kOutOfMemory); nothing is added then.
CachedSequence& RestoreSequence(BatchedCache& cache, uint64_t fingerprint, std::istream& in,
                                std::vector<DropLog>& drops);

}  // namespace dcp

#endif  // DCP_CACHE_SERIALIZE_H_
