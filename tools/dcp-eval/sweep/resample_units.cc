#include "dcp-eval/sweep/resample_units.h"

#include <algorithm>

namespace dcp::tools {
namespace {

constexpr size_t kBlocks = 50;
constexpr size_t kLongestBlock = 16;

}  // namespace

ResampleUnits ChooseUnits(std::span<const Window> windows) {
  size_t documents = 0;
  for (size_t i = 0; i < windows.size(); ++i) {
    if (i == 0 || windows[i].document != windows[i - 1].document) ++documents;
  }
  ResampleUnits units;
  units.name = documents >= kEnoughDocuments ? "document" : "block";
  if (documents < kEnoughDocuments) {
    units.block_windows = std::clamp<size_t>(windows.size() / kBlocks, 1, kLongestBlock);
  }
  size_t in_unit = 0;  // windows
  for (size_t i = 0; i < windows.size(); ++i) {
    const bool new_document = i == 0 || windows[i].document != windows[i - 1].document;
    if (new_document || (units.block_windows != 0 && in_unit == units.block_windows)) {
      ++units.count;
      in_unit = 0;
    }
    ++in_unit;
    units.of_window.push_back(units.count - 1);
  }
  return units;
}

}  // namespace dcp::tools
