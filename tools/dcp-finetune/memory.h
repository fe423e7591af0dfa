// How the program gets its memory from the system.
#ifndef DCP_TOOLS_DCP_FINETUNE_MEMORY_H_
#define DCP_TOOLS_DCP_FINETUNE_MEMORY_H_

namespace dcp::finetune {

// A step of training makes and drops thousands of tensors of megabytes. glibc maps each anew and gives it back, and
// most of the time goes into faults of fresh pages: of GPT-2 small at 2 x 1024 tokens a step took 2.8 times as long. So
// glibc is told to keep what is freed, and to ask for large pages (docs/training.md has the figures). It reads these
// settings (GLIBC_TUNABLES) only when a program starts; so, unless they are there already, this starts the program anew
// with them, in the same process. Processes that this one starts inherit them.
//
// Does nothing where the environment says something about malloc, for another C library, and where the start fails.
// Call first in main, before there are threads.
void KeepFreedMemory(char** argv);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_MEMORY_H_
