// How many cores the trainer's arithmetic uses, and what they do with the smallest numbers.
#ifndef DCP_TOOLS_DCP_FINETUNE_THREADS_H_
#define DCP_TOOLS_DCP_FINETUNE_THREADS_H_

namespace dcp::finetune {

// Numbers below 1e-38 count as zero from now on, in this thread and in those that start from it. A soft mask has
// many: while alpha is small, a token's share falls by a constant factor with each decision and passes through that
// range on its way to zero, and a processor multiplies them a hundred times slower. Call it before the first product:
// threads take this setting from the one that starts them.
void FlushDenormals();

// Limits torch to `threads` (> 0) of them, and the BLAS below it: an OpenBLAS with threads of its own does not heed
// torch's limit, and processes that share a machine would run each other's cores hot with waiting. Not thread-safe:
// call it before the first product.
void LimitThreads(int threads);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_THREADS_H_
