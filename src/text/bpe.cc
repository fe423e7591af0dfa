#include "text/bpe.h"

#include <algorithm>
#include <bit>

#include "support/hash.h"

namespace dcp {
namespace {

// Longer pieces go to the heap, which costs more to set up but does not grow with the square of the length.
constexpr size_t kShortPiece = 64;

constexpr ptrdiff_t kNone = -1;

uint64_t PairKey(TokenId left, TokenId right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Puts the lowest rank on top of the heap and, within a rank, the leftmost pair.
bool ComesLater(const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.node > b.node;
}

}  // namespace

Bpe::Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<Merge>& merges, const UnknownByte& unknown)
    : byte_ids_(byte_ids), unknown_(unknown), all_bytes_(std::ranges::find(byte_ids, kNoToken) == byte_ids.end()) {
  const size_t table_size = std::bit_ceil(std::max<size_t>(2 * merges.size(), 2));
  shift_ = 64 - std::countr_zero(table_size);
  table_.assign(table_size, Entry{0, kNoMerge});
  results_.reserve(merges.size());
  for (const Merge& merge : merges) {
    const uint64_t pair = PairKey(merge.left, merge.right);
    table_[Slot(pair)] = {pair, static_cast<int32_t>(results_.size())};
    results_.push_back(merge.result);
  }
}

// Where `pair` is, or the empty slot where it would go.
size_t Bpe::Slot(uint64_t pair) const {
  size_t slot = (pair * 0x9E3779B97F4A7C15) >> shift_;
  while (table_[slot].rank != kNoMerge && table_[slot].pair != pair) slot = (slot + 1) & (table_.size() - 1);
  return slot;
}

int32_t Bpe::Rank(TokenId left, TokenId right) const { return table_[Slot(PairKey(left, right))].rank; }

void Bpe::Append(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const {
  if (piece.size() <= kShortPiece) {
    AppendShort(piece, scratch, out);
  } else {
    AppendLong(piece, scratch, out);
  }
}

void Bpe::FillIds(std::string_view piece, std::vector<TokenId>* ids) const {
  if (all_bytes_) {
    ids->resize(piece.size());
    for (size_t i = 0; i < piece.size(); ++i) (*ids)[i] = byte_ids_[static_cast<uint8_t>(piece[i])];
    return;
  }
  ids->clear();
  bool after_unknown = false;
  for (const char byte : piece) {
    const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
    const bool is_unknown = id == kNoToken;
    if (!is_unknown) {
      ids->push_back(id);
    } else if (unknown_.id != kNoToken && !(unknown_.fuse && after_unknown)) {
      ids->push_back(unknown_.id);
    }
    after_unknown = is_unknown;
  }
}

uint64_t Bpe::Hash(uint64_t hash) const {
  for (const TokenId id : byte_ids_) hash = FnvStep(hash, static_cast<uint64_t>(id));
  hash = FnvStep(FnvStep(hash, static_cast<uint64_t>(unknown_.id)), unknown_.fuse ? 1 : 0);
  for (const Entry& entry : table_) {
    if (entry.rank == kNoMerge) continue;
    hash = FnvStep(FnvStep(FnvStep(hash, entry.pair), static_cast<uint64_t>(entry.rank)),
                   static_cast<uint64_t>(results_[static_cast<size_t>(entry.rank)]));
  }
  return hash;
}

void Bpe::AppendShort(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const {
  std::vector<TokenId>& ids = scratch->ids;
  std::vector<int32_t>& ranks = scratch->ranks;
  FillIds(piece, &ids);
  ranks.assign(ids.size(), kNoMerge);
  for (size_t i = 0; i + 1 < ids.size(); ++i) ranks[i] = Rank(ids[i], ids[i + 1]);
  while (!ids.empty()) {
    const int32_t lowest = *std::min_element(ranks.begin(), ranks.end());
    if (lowest == kNoMerge) break;
    MergeAll(lowest, scratch);
  }
  out->insert(out->end(), ids.begin(), ids.end());
}

// One sweep over ids and ranks (ranks[i] is that of ids[i] and ids[i + 1]), closing the gaps.
void Bpe::MergeAll(int32_t rank, BpeScratch* scratch) const {
  constexpr int32_t kStale = -1;
  std::vector<TokenId>& ids = scratch->ids;
  std::vector<int32_t>& ranks = scratch->ranks;
  size_t end = 0;
  for (size_t i = 0; i < ids.size(); ++i, ++end) {
    if (ranks[i] != rank) {
      ids[end] = ids[i];
      ranks[end] = ranks[i];
      continue;
    }
    ids[end] = results_[static_cast<size_t>(rank)];
    ranks[end] = kStale;
    if (end > 0) ranks[end - 1] = kStale;
    ++i;
  }
  ids.resize(end);
  ranks.resize(end);
  for (size_t i = 0; i < end; ++i) {
    if (ranks[i] == kStale) ranks[i] = i + 1 < end ? Rank(ids[i], ids[i + 1]) : kNoMerge;
  }
}

void Bpe::AppendLong(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const {
  FillIds(piece, &scratch->ids);
  if (scratch->ids.empty()) return;
  FillList(scratch);
  std::vector<BpeScratch::Candidate>& heap = scratch->heap;
  std::make_heap(heap.begin(), heap.end(), ComesLater);
  while (!heap.empty()) {
    // Pairs that arise while one rank is merged wait until it is done, even those of a lower rank: so says the rule.
    const int32_t rank = heap.front().rank;
    while (!heap.empty() && heap.front().rank == rank) {
      std::pop_heap(heap.begin(), heap.end(), ComesLater);
      const ptrdiff_t node = heap.back().node;
      heap.pop_back();
      if (scratch->nodes[static_cast<size_t>(node)].rank == rank) MergeNodes(node, scratch);
    }
    for (const BpeScratch::Candidate& candidate : scratch->postponed) {
      heap.push_back(candidate);
      std::push_heap(heap.begin(), heap.end(), ComesLater);
    }
    scratch->postponed.clear();
  }
  for (ptrdiff_t i = 0; i != kNone; i = scratch->nodes[static_cast<size_t>(i)].next) {
    out->push_back(scratch->nodes[static_cast<size_t>(i)].id);
  }
}

void Bpe::FillList(BpeScratch* scratch) const {
  scratch->nodes.clear();
  scratch->heap.clear();
  const std::vector<TokenId>& ids = scratch->ids;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto index = static_cast<ptrdiff_t>(i);
    const bool is_last = i + 1 == ids.size();
    const int32_t rank = is_last ? kNoMerge : Rank(ids[i], ids[i + 1]);
    scratch->nodes.push_back({ids[i], rank, index - 1, is_last ? kNone : index + 1});
    if (rank != kNoMerge) scratch->heap.push_back({rank, index});
  }
}

// Node 0 is never merged away (it is always a left one), so the list keeps its head.
void Bpe::MergeNodes(ptrdiff_t left, BpeScratch* scratch) const {
  std::vector<BpeScratch::Node>& nodes = scratch->nodes;
  BpeScratch::Node& node = nodes[static_cast<size_t>(left)];
  BpeScratch::Node& gone = nodes[static_cast<size_t>(node.next)];
  node.id = results_[static_cast<size_t>(node.rank)];
  node.next = gone.next;
  gone.rank = kNoMerge;
  if (node.next != kNone) nodes[static_cast<size_t>(node.next)].previous = left;
  Rerank(left, scratch);
  if (node.previous != kNone) Rerank(node.previous, scratch);
}

// Looks up anew the merge of `index` with the token after it.
void Bpe::Rerank(ptrdiff_t index, BpeScratch* scratch) const {
  BpeScratch::Node& node = scratch->nodes[static_cast<size_t>(index)];
  node.rank = node.next == kNone ? kNoMerge : Rank(node.id, scratch->nodes[static_cast<size_t>(node.next)].id);
  if (node.rank != kNoMerge) scratch->postponed.push_back({node.rank, index});
}

}  // namespace dcp
