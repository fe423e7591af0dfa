#include "dcp-finetune/batches.h"

#include <algorithm>
#include <numeric>

#include "support/random.h"

namespace dcp::finetune {
namespace {

// Numbers that are the same everywhere.
class Random {
 public:
  Random(uint64_t seed, uint64_t stream) : state_(seed * kGoldenGamma + stream * 0xd1342543de82ef95 + 1) { Next(); }

  uint64_t Below(uint64_t bound) { return Next() % bound; }

  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[Below(i)]);
  }

 private:
  uint64_t Next() { return Mix(state_ += kGoldenGamma); }

  uint64_t state_;
};

}  // namespace

SequenceStream::SequenceStream(const TokenCorpus& corpus, std::vector<size_t> documents, int64_t end_of_text,
                               int64_t context, uint64_t seed)
    : corpus_(&corpus), documents_(std::move(documents)), end_of_text_(end_of_text), context_(context), seed_(seed) {
  for (const size_t document : documents_) total_ += corpus.Length(document) + 1;
  per_epoch_ = (total_ - 1) / context_;
  if (per_epoch_ > 1) per_epoch_ = (total_ - context_) / context_;  // room for an offset
}

void SequenceStream::PrepareEpoch(int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  Random random(seed_, static_cast<uint64_t>(epoch));
  order_ = documents_;
  random.Shuffle(order_);
  starts_.clear();
  int64_t start = 0;
  for (const size_t document : order_) {
    starts_.push_back(start);
    start += corpus_->Length(document) + 1;
  }
  offset_ = static_cast<int64_t>(random.Below(static_cast<uint64_t>(total_ - per_epoch_ * context_)));
  sequences_.resize(per_epoch_);
  std::iota(sequences_.begin(), sequences_.end(), 0);
  random.Shuffle(sequences_);
}

void SequenceStream::ReadSequence(int64_t start, std::span<int64_t> out) const {
  size_t at = std::upper_bound(starts_.begin(), starts_.end(), start) - starts_.begin() - 1;
  int64_t inside = start - starts_[at];
  while (!out.empty()) {
    const int64_t left = corpus_->Length(order_[at]) - inside;
    const int64_t count = std::min<int64_t>(left, out.size());
    corpus_->Read(order_[at], inside, out.first(count));
    out = out.subspan(count);
    if (out.empty()) break;
    out.front() = end_of_text_;
    out = out.subspan(1);
    ++at;
    inside = 0;
  }
}

torch::Tensor SequenceStream::Read(int64_t first, int64_t count) {
  torch::Tensor batch = torch::empty({count, context_ + 1}, torch::kLong);
  for (int64_t i = 0; i < count; ++i) {
    PrepareEpoch((first + i) / per_epoch_);
    const int64_t sequence = sequences_[(first + i) % per_epoch_];
    ReadSequence(offset_ + sequence * context_,
                 {batch.data_ptr<int64_t>() + i * (context_ + 1), static_cast<size_t>(context_ + 1)});
  }
  return batch;
}

std::vector<tools::Window> CutWindows(const TokenCorpus& corpus, const std::vector<size_t>& documents, int64_t context,
                                      int64_t stride, int64_t limit) {
  std::vector<size_t> lengths;
  for (const size_t document : documents) lengths.push_back(static_cast<size_t>(corpus.Length(document)));
  std::vector<tools::Window> windows =
      tools::SpreadOut(tools::MakeWindows(lengths, static_cast<size_t>(context), static_cast<size_t>(stride)),
                       static_cast<size_t>(limit));
  for (tools::Window& window : windows) window.document = documents[window.document];
  return windows;
}

}  // namespace dcp::finetune
