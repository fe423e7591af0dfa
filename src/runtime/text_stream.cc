#include "runtime/text_stream.h"

#include <algorithm>

namespace dcp {

std::string_view TextStream::Release(size_t count) {
  const size_t before = text_.size();
  text_.append(pending_, 0, count);
  pending_.erase(0, count);
  return std::string_view(text_).substr(before);
}

// Length of the longest end of the pending bytes that a stop text begins with.
size_t TextStream::HeldBack() const {
  size_t longest = 0;
  for (const std::string& stop : *stop_) {
    for (size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; --n) {
      if (pending_.compare(pending_.size() - n, n, stop, 0, n) == 0) longest = n;
    }
  }
  return longest;
}

std::string_view TextStream::Add(const std::string& piece) {
  if (stopped_) return {};
  pending_ += piece;
  size_t first = std::string::npos;
  for (const std::string& stop : *stop_) first = std::min(first, pending_.find(stop));
  if (first == std::string::npos) return Release(pending_.size() - HeldBack());
  stopped_ = true;
  const std::string_view released = Release(first);
  pending_.clear();
  return released;
}

std::string_view TextStream::Finish() {
  const size_t before = text_.size();
  Add(decoder_.Flush());
  if (!stopped_) Release(pending_.size());
  return std::string_view(text_).substr(before);
}

}  // namespace dcp
