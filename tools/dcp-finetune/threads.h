// How many cores the trainer's arithmetic uses.
#ifndef DCP_TOOLS_DCP_FINETUNE_THREADS_H_
#define DCP_TOOLS_DCP_FINETUNE_THREADS_H_

namespace dcp::finetune {

// Limits torch to `threads` (> 0) of them, and the BLAS below it: an OpenBLAS with threads of its own does not heed
// torch's limit, and processes that share a machine would run each other's cores hot with waiting. Not thread-safe:
// call it before the first product.
void LimitThreads(int threads);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_THREADS_H_
