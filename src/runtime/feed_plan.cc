#include "runtime/feed_plan.h"

#include <algorithm>
#include <string>

#include "dcp/error.h"

namespace dcp {
namespace {

// Rows of logits that an item wants of its tokens [begin, end).
size_t WantedRows(LogitsMode mode, size_t begin, size_t end, size_t tokens) {
  if (mode == LogitsMode::kAll) return end - begin;
  return mode == LogitsMode::kLast && end == tokens ? 1 : 0;
}

}  // namespace

void FeedPlan::Clear() {
  items_.clear();
  placed_ = false;
}

void FeedPlan::Add(CachedSequence& sequence, std::span<const TokenId> tokens, LogitsMode mode) {
  items_.push_back({&sequence, tokens, mode, 0, 0});
}

void FeedPlan::Check(const ModelConfig& config) const {
  for (size_t i = 0; i < items_.size(); ++i) {
    CheckItem(items_[i], config);
    for (size_t j = 0; j < i; ++j) {
      if (items_[j].sequence != items_[i].sequence) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  "sequence " + std::to_string(items_[i].sequence->id) + " occurs twice in one call");
    }
  }
}

void FeedPlan::CheckItem(const Item& item, const ModelConfig& config) const {
  const CachedSequence& sequence = *item.sequence;
  const std::string name = "sequence " + std::to_string(sequence.id);
  if (item.tokens.empty()) throw Error(ErrorCode::kInvalidArgument, name + ": 0 tokens to feed, needs at least 1");
  if (sequence.broken) {
    throw Error(ErrorCode::kInvalidArgument, name + ": an earlier pass failed midway; finish it");
  }
  const size_t wanted = static_cast<size_t>(sequence.seen) + item.tokens.size();
  if (wanted > static_cast<size_t>(config.n_positions)) {
    throw Error(ErrorCode::kContextFull, name + ": " + std::to_string(wanted) + " tokens exceed the model's " +
                                             std::to_string(config.n_positions) + " positions");
  }
  for (const TokenId id : item.tokens) {
    if (id >= 0 && id < config.vocab_size) continue;
    throw Error(ErrorCode::kInvalidArgument,
                name + ": token id " + std::to_string(id) + " is not in 0 .. " + std::to_string(config.vocab_size - 1));
  }
}

size_t FeedPlan::PlaceAll() {
  placed_ = true;
  size_t rows = 0;
  for (Item& item : items_) {
    item.logits_row = rows;
    rows += WantedRows(item.mode, 0, item.tokens.size(), item.tokens.size());
  }
  return rows;
}

bool FeedPlan::NextPass(const PassSize& size) {
  segments_.clear();
  logits_rows_.clear();
  parts_.clear();
  size_t rows = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    const size_t count = std::min(size.chunk, items_[i].tokens.size() - items_[i].fed);
    if (count == 0 || (rows > 0 && rows + count > size.max_rows)) continue;
    PlanItem(i, rows, count);
    rows += count;
  }
  return !segments_.empty();
}

void FeedPlan::PlanItem(size_t index, size_t row, size_t count) {
  Item& item = items_[index];
  segments_.push_back({item.sequence, item.tokens.subspan(item.fed, count), row});
  parts_.push_back({index, item.fed, item.fed + count, {}});
  item.fed += count;
  if (!placed_) item.logits_row = logits_rows_.size();
  const size_t wanted = WantedRows(item.mode, item.fed - count, item.fed, item.tokens.size());
  for (size_t i = count - wanted; i < count; ++i) logits_rows_.push_back({row + i, item.logits_row++});
}

std::span<const PassPart> FeedPlan::Parts(ConstMatrix logits) {
  size_t row = 0;
  for (PassPart& part : parts_) {
    const Item& item = items_[part.item];
    const size_t rows = WantedRows(item.mode, part.begin, part.end, item.tokens.size());
    part.logits = Logits(rows > 0 ? logits.row(row) : nullptr, rows, logits.cols, logits.stride);
    row += rows;
  }
  return parts_;
}

}  // namespace dcp
