// What loading found odd and could live with: an end-of-text id that the model can never make, a tokenizer with more
// tokens than the model. The library never prints; who loads hands in a list and shows it, or does not.
#ifndef DCP_WARNINGS_H_
#define DCP_WARNINGS_H_

#include <string>
#include <utility>
#include <vector>

namespace dcp {

// Lines in the order in which they were found. Each names the file, the field and both values as Error::what() does,
// and says what was done about it. Functions that take a `Warnings*` add to it; null: nobody wants to know.
using Warnings = std::vector<std::string>;

// Adds a line, if somebody wants to know.
inline void Warn(Warnings* warnings, std::string line) {
  if (warnings != nullptr) warnings->push_back(std::move(line));
}

}  // namespace dcp

#endif  // DCP_WARNINGS_H_
