#include "common/windows.h"

#include <algorithm>

namespace dcp::tools {

std::vector<Window> MakeWindows(std::span<const size_t> lengths, size_t context, size_t stride) {
  std::vector<Window> windows;
  for (size_t document = 0; document < lengths.size(); ++document) {
    size_t scored_to = 0;
    for (size_t begin = 0; scored_to < lengths[document]; begin += stride) {
      const size_t end = std::min(begin + context, lengths[document]);
      const size_t first_scored = std::max(scored_to, begin + 1);
      if (first_scored < end) windows.push_back({document, begin, end, first_scored});
      scored_to = end;
    }
  }
  return windows;
}

std::vector<Window> MakeRollingWindows(std::span<const size_t> lengths, size_t context) {
  std::vector<Window> windows;
  for (size_t document = 0; document < lengths.size(); ++document) {
    for (size_t scored_to = 1; scored_to < lengths[document];) {
      const size_t end = std::min(scored_to + context, lengths[document]);
      windows.push_back({document, end - 1 - std::min(context, end - 1), end, scored_to, 1});
      scored_to = end;
    }
  }
  return windows;
}

std::vector<Window> MakeWholeWindows(std::span<const size_t> lengths, size_t context) {
  std::vector<Window> windows = MakeWindows(lengths, context, context);
  std::erase_if(windows, [context](const Window& window) { return window.length() < context; });
  return windows;
}

std::vector<Window> SpreadOut(std::vector<Window> windows, size_t most) {
  if (most == 0 || windows.size() <= most) return windows;
  std::vector<Window> chosen;
  for (size_t i = 0; i < most; ++i) chosen.push_back(windows[i * windows.size() / most]);
  return chosen;
}

}  // namespace dcp::tools
