// Interaction scores: s(n, j) = q_int(n) . k_int(j) / sqrt(R) + beta.
#ifndef DCP_KERNELS_INTERACTION_H_
#define DCP_KERNELS_INTERACTION_H_

#include <cstddef>
#include <cstdint>

#include "base/matrix_view.h"
#include "kernels/slot_pages.h"

namespace dcp {

// Scores of one token with every slot. q_int [R]; scores [slots rounded up to kPanel], entries past `slots` are
// undefined.
void InteractionScores(const float* q_int, const SlotPages& keys, float beta, float* scores);

// Decides a whole chunk: token n = first_position + r drops slot j, born before it and not yet dropped, when s(n, j) <=
// threshold; the slot expires `delay` tokens later. The score of a decision is the same, bit for bit, as
// InteractionScores gives.
struct ChunkDropArgs {
  ConstMatrix q_int;  // [M, R]
  SlotPages keys;
  float beta = 0.0f;
  float threshold = 0.0f;
  int32_t first_position = 0;
  int32_t delay = 0;
  const int32_t* positions = nullptr;  // [slots rounded up to kPanel]
  int32_t* expires = nullptr;          // in: kNever for slots not dropped; out: n + delay, n the first to drop them
  float* drop_scores = nullptr;        // out: the score of that decision; untouched otherwise
};

// Pages [begin, end) of the slots. Pages are independent of each other.
void DropChunk(const ChunkDropArgs& args, size_t begin, size_t end);

}  // namespace dcp

#endif  // DCP_KERNELS_INTERACTION_H_
