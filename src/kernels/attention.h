// Attention over the kept slots of one (layer, sequence), one head at a time.
#ifndef DCP_KERNELS_ATTENTION_H_
#define DCP_KERNELS_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "base/matrix_view.h"
#include "kernels/slot_pages.h"

namespace dcp {

// Floats of scratch that the two functions below need for a (layer, sequence) of `slots` slots.
size_t AttentionScratch(size_t slots);

// Heads that AttendOne takes together, at most: they lie side by side in a page, and memory is read in longer runs.
inline constexpr size_t kHeadsTogether = 4;

// One token's queries of `count` heads over everything in the cache: no mask, what is in the cache is attended.
//   out[d] = sum_j softmax_j(q . k_j / sqrt(D)) v_j[d]
// q and out [count][D]. `received`, if not null, gets the softmax weight of each slot added to it [slots], by one head
// after the other. A head's result does not depend on the heads beside it, bit for bit.
void AttendOne(const float* q, const SlotPages& kv, size_t head, size_t count, float* scratch, float* out,
               float* received);

// The queries of a chunk of consecutive tokens, the last `q.rows` slots of kv in order. Query r (token first_position +
// r) attends slot j while positions[j] <= n < expires[j], n its own position.
struct ChunkAttentionArgs {
  ConstMatrix q;  // [M, D] of one head
  SlotPages kv;
  size_t head = 0;
  int32_t first_position = 0;
  const int32_t* positions = nullptr;  // [slots rounded up to kPanel]
  const int32_t* expires = nullptr;    // [slots rounded up to kPanel]
  float* scratch = nullptr;
  Matrix out;  // [M, D]
};

// Queries that AttendChunk takes together; callers may split a chunk between multiples of it.
inline constexpr size_t kChunkQueries = 6;

// Rows [begin, end) of the chunk, begin a multiple of kChunkQueries.
void AttendChunk(const ChunkAttentionArgs& args, size_t begin, size_t end);

}  // namespace dcp

#endif  // DCP_KERNELS_ATTENTION_H_
