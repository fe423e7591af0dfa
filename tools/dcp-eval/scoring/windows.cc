#include "dcp-eval/scoring/windows.h"

#include <algorithm>

namespace dcp::tools {

std::vector<Window> MakeWindows(std::span<const Document> documents, size_t context, size_t stride) {
  std::vector<Window> windows;
  for (size_t document = 0; document < documents.size(); ++document) {
    const size_t tokens = documents[document].ids.size();
    size_t scored_to = 0;
    for (size_t begin = 0; scored_to < tokens; begin += stride) {
      const size_t end = std::min(begin + context, tokens);
      const size_t first_scored = std::max(scored_to, begin + 1);
      if (first_scored < end) windows.push_back({document, begin, end, first_scored});
      scored_to = end;
    }
  }
  return windows;
}

}  // namespace dcp::tools
