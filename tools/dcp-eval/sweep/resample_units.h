// What the intervals of a sweep draw with replacement.
#ifndef DCP_TOOLS_DCP_EVAL_SWEEP_RESAMPLE_UNITS_H_
#define DCP_TOOLS_DCP_EVAL_SWEEP_RESAMPLE_UNITS_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/windows.h"

namespace dcp::tools {

// Fewer documents than these are too few to resample.
inline constexpr size_t kEnoughDocuments = 20;

// Whole documents where there are enough of them, else blocks: runs of neighbouring windows of one document.
struct ResampleUnits {
  std::string name;          // "document" or "block"
  size_t block_windows = 0;  // windows of a block, the last of a document may have fewer; 0: documents
  size_t count = 0;
  std::vector<size_t> of_window;  // [windows] 0 .. count-1
};
// Blocks are as long as leaves about 50 of them, and at most 16 windows.
ResampleUnits ChooseUnits(std::span<const Window> windows);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SWEEP_RESAMPLE_UNITS_H_
