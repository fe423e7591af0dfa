#include "runtime/text_stream.h"

#include <algorithm>
#include <cstddef>

namespace dcp {

// What is pending no longer is; as much of it as is shown goes to the text.
void TextStream::Release(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (shown_[i]) text_.push_back(pending_[i]);
  }
  pending_.erase(0, count);
  shown_.erase(shown_.begin(), shown_.begin() + static_cast<std::ptrdiff_t>(count));
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

void TextStream::Add(std::string_view piece, bool shown) {
  if (stopped_) return;
  pending_ += piece;
  shown_.resize(pending_.size(), shown);
  size_t first = std::string::npos;
  for (const std::string& stop : *stop_) first = std::min(first, pending_.find(stop));
  if (first == std::string::npos) return Release(pending_.size() - HeldBack());
  stopped_ = true;
  Release(first);
  pending_.clear();
  shown_.clear();
}

std::string_view TextStream::Push(TokenId id) {
  const size_t before = text_.size();
  if (tokenizer_->IsSpecial(id)) {
    Add(decoder_.Flush(), true);
    Add(tokenizer_->TokenBytes(id), false);
  } else {
    Add(decoder_.Push(id), true);
  }
  return std::string_view(text_).substr(before);
}

std::string_view TextStream::Finish() {
  const size_t before = text_.size();
  Add(decoder_.Flush(), true);
  if (!stopped_) Release(pending_.size());
  return std::string_view(text_).substr(before);
}

}  // namespace dcp
