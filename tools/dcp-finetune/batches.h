// The training data as an endless, repeatable stream of sequences, and held-out windows.
#ifndef DCP_TOOLS_DCP_FINETUNE_BATCHES_H_
#define DCP_TOOLS_DCP_FINETUNE_BATCHES_H_

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "common/windows.h"
#include "dcp-finetune/corpus.h"

namespace dcp::finetune {

// Epoch e shuffles the documents, joins them with end-of-text between, cuts the result into sequences of T+1 tokens
// that overlap by one (from an offset of its own), and shuffles these: all a function of (seed, e), so that sequence
// number n of the stream is the same whenever and wherever it is asked for. Not thread-safe.
class SequenceStream {
 public:
  // REQUIRES: the documents, with end-of-text after each, have more than `context` tokens.
  SequenceStream(const TokenCorpus& corpus, std::vector<size_t> documents, int64_t end_of_text, int64_t context,
                 uint64_t seed);

  // Sequences [first, first + count) of the stream: [count, T+1] long. Inputs are [:, :-1], targets [:, 1:].
  torch::Tensor Read(int64_t first, int64_t count);

  int64_t sequences_per_epoch() const { return per_epoch_; }

 private:
  void PrepareEpoch(int64_t epoch);
  void ReadSequence(int64_t start, std::span<int64_t> out) const;

  const TokenCorpus* corpus_;
  std::vector<size_t> documents_;
  int64_t end_of_text_, context_;
  uint64_t seed_;
  int64_t total_ = 0;  // tokens of the joined stream
  int64_t per_epoch_ = 0;
  int64_t epoch_ = -1;
  int64_t offset_ = 0;
  std::vector<size_t> order_;    // of documents
  std::vector<int64_t> starts_;  // of each document of `order_` in the joined stream
  std::vector<int64_t> sequences_;
};

// Windows of documents as MakeWindows() cuts them, at most `limit`, spread evenly; 0: all. REQUIRES: context >= 2,
// 1 <= stride <= context, limit >= 0.
std::vector<tools::Window> CutWindows(const TokenCorpus& corpus, const std::vector<size_t>& documents, int64_t context,
                                      int64_t stride, int64_t limit);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_BATCHES_H_
