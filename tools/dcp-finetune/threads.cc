#include "dcp-finetune/threads.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace dcp::finetune {

void FlushDenormals() { at::globalContext().setFlushDenormal(true); }

void LimitThreads(int threads) {
  at::set_num_threads(threads);
  // Whichever BLAS the system gives; others have no such function and follow torch, or are set up by their environment.
  void* const set = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (set != nullptr) reinterpret_cast<void (*)(int)>(set)(threads);
}

}  // namespace dcp::finetune
