// One sequence of a cache as a stream of bytes.
#ifndef DCP_CACHE_SERIALIZE_H_
#define DCP_CACHE_SERIALIZE_H_

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <vector>

#include "cache/batched_cache.h"

namespace dcp {

// Format, in the byte order of the machine: "dcpcache", version, byte-order mark, fingerprint of the model, shape of
// the cache, tokens seen, whether drop logs follow; per layer the number of slots, their positions, attention (if
// tracked), decided drops with their scores (under an eviction delay), and whole pages with unused slots zeroed; drop
// logs; a checksum of all that. What expires by its position is not saved: the policy knows it. `decides` [L]: whether
// the policy of a layer decides about drops, where they do not follow from positions alone. Throws Error(kIo) when the
// stream fails.
void SaveSequence(const BatchedCache& cache, uint64_t fingerprint, const CachedSequence& sequence,
                  const std::vector<bool>& decides, std::ostream& out);

// Adds the saved sequence to the cache, with such rules. Where the cache tracks drops and they were not saved, the logs
// begin now. Throws Error(kInvalidArgument) when the bytes are damaged or were saved from another model or kind of
// cache, Error(kIo) when the stream fails, Error(kOutOfMemory); nothing is added then.
CachedSequence& RestoreSequence(BatchedCache& cache, std::shared_ptr<const PolicyRules> rules, uint64_t fingerprint,
                                std::istream& in);

}  // namespace dcp

#endif  // DCP_CACHE_SERIALIZE_H_
