// How texts longer than the model's context are cut into windows: in one place, so that whatever is measured over a
// text is measured over the same tokens.
#ifndef DCP_TOOLS_COMMON_WINDOWS_H_
#define DCP_TOOLS_COMMON_WINDOWS_H_

#include <cstddef>
#include <span>
#include <vector>

namespace dcp::tools {

// Tokens begin .. end-1 of a document are fed, but for the last `unfed` ones; tokens first_scored .. end-1 are scored.
// All count from the start of the document; begin < first_scored < end.
struct Window {
  size_t document = 0;
  size_t begin = 0;
  size_t end = 0;
  size_t first_scored = 0;
  size_t unfed = 0;  // 0, or 1: the last token is predicted only

  size_t length() const { return end - begin; }
  size_t fed() const { return length() - unfed; }
};

// Windows of documents of so many tokens; none crosses from one to the next. Windows of `context` tokens begin at
// multiples of `stride`; each scores the tokens that no window before it has scored - the first its tokens 1, 2, ... -
// and the one that reaches the end of the document is its last. So every token but a document's first is scored once,
// except that with stride == context the first token of each window has nothing to be predicted from. A document of
// fewer than 2 tokens has no window. REQUIRES: context >= 2, 1 <= stride <= context.
std::vector<Window> MakeWindows(std::span<const size_t> lengths, size_t context, size_t stride);

// Windows as lm-evaluation-harness cuts them: every token but a document's first is scored once, `context` at a time
// and as many fed. A window begins with the last token that was scored before it; the last one of a document begins so
// much earlier that it feeds `context` tokens, if there are so many. REQUIRES: context >= 1.
std::vector<Window> MakeRollingWindows(std::span<const size_t> lengths, size_t context);

// Windows of exactly `context` tokens side by side; what is left at the end of a document is not used.
// REQUIRES: context >= 2.
std::vector<Window> MakeWholeWindows(std::span<const size_t> lengths, size_t context);

// `most` of them at even distances, all of them when there are no more; 0: no limit.
std::vector<Window> SpreadOut(std::vector<Window> windows, size_t most);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_WINDOWS_H_
