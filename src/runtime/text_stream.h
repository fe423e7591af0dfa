// The text of one sequence while it is being made: whole characters only, stop texts cut off.
#ifndef DCP_RUNTIME_TEXT_STREAM_H_
#define DCP_RUNTIME_TEXT_STREAM_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/tokenizer.h"

namespace dcp {

// Bytes that may be the beginning of a stop text are held back until it is known. The text of special tokens is not
// shown, but a stop text finds it there: "<|im_end|>" stops, whether it comes as one token or in pieces. Views returned
// die with the next call.
class TextStream {
 public:
  // Both must outlive the stream.
  TextStream(const Tokenizer& tokenizer, const std::vector<std::string>& stop)
      : tokenizer_(&tokenizer), decoder_(tokenizer), stop_(&stop) {}

  // Adds a token; returns what became certain.
  std::string_view Push(TokenId id);

  // The sequence is over: returns what was held back.
  std::string_view Finish();

  // True once a stop text has appeared; text() then ends before it.
  bool stopped() const { return stopped_; }

  // All certain text so far.
  const std::string& text() const { return text_; }

 private:
  void Add(std::string_view piece, bool shown);
  void Release(size_t count);
  size_t HeldBack() const;

  const Tokenizer* tokenizer_;
  StreamDecoder decoder_;
  const std::vector<std::string>* stop_;
  std::string text_;
  std::string pending_;      // decoded, but perhaps the beginning of a stop text
  std::vector<bool> shown_;  // for each byte of it
  bool stopped_ = false;
};

}  // namespace dcp

#endif  // DCP_RUNTIME_TEXT_STREAM_H_
