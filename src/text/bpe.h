// Merging byte pairs: the second half of encoding, after the pre-tokenizer.
#ifndef DCP_TEXT_BPE_H_
#define DCP_TEXT_BPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dcp/types.h"

namespace dcp {

// In place of an id: there is none.
inline constexpr TokenId kNoToken = -1;

// What becomes of a byte that has no token.
struct UnknownByte {
  TokenId id = kNoToken;  // this token stands for it; kNoToken: the byte is left out
  bool fuse = false;      // one token for several such bytes in a row
};

// Two neighbouring tokens and the token they become. A merge's place in the list is its rank: lower goes first.
struct Merge {
  TokenId left;
  TokenId right;
  TokenId result;
};

// Working memory of Bpe::Append, kept from piece to piece to spare allocations.
struct BpeScratch {
  // A token of a long piece, in a linked list threaded through a vector. A token that was merged away has rank
  // kNoMerge.
  struct Node {
    TokenId id;
    int32_t rank;  // of the merge with the next token
    ptrdiff_t previous;
    ptrdiff_t next;
  };
  struct Candidate {
    int32_t rank;
    ptrdiff_t node;  // the left one of the pair
  };

  std::vector<TokenId> ids;
  std::vector<int32_t> ranks;
  std::vector<Node> nodes;
  std::vector<Candidate> heap;
  std::vector<Candidate> postponed;
};

// The rule, as in the GPT-2 release: while any neighbours can be merged, take the pair of lowest rank and merge all its
// occurrences, left to right, before looking again. Immutable; Append may be called from many threads, each with its
// own scratch.
class Bpe {
 public:
  static constexpr int32_t kNoMerge = INT32_MAX;

  // Of two merges with the same halves the later counts. REQUIRES: a result is longer, in bytes, than each of its
  // halves.
  Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<Merge>& merges, const UnknownByte& unknown = {});

  // Appends the tokens of `piece` to `*out`. O(n log n) for long pieces.
  void Append(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const;

  // Goes on hashing with everything that Append depends on.
  uint64_t Hash(uint64_t hash) const;

 private:
  // Open addressing with linear probing; at most half full.
  struct Entry {
    uint64_t pair;
    int32_t rank;  // kNoMerge: empty
  };

  void FillIds(std::string_view piece, std::vector<TokenId>* ids) const;
  size_t Slot(uint64_t pair) const;
  int32_t Rank(TokenId left, TokenId right) const;

  // Two ways to the same result: sweeps over arrays, and a heap over a linked list.
  void AppendShort(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const;
  void AppendLong(std::string_view piece, BpeScratch* scratch, std::vector<TokenId>* out) const;
  void MergeAll(int32_t rank, BpeScratch* scratch) const;
  void FillList(BpeScratch* scratch) const;
  void MergeNodes(ptrdiff_t left, BpeScratch* scratch) const;
  void Rerank(ptrdiff_t node, BpeScratch* scratch) const;

  std::array<TokenId, 256> byte_ids_;
  UnknownByte unknown_;
  bool all_bytes_;                // none of byte_ids_ is kNoToken
  std::vector<TokenId> results_;  // by rank
  std::vector<Entry> table_;      // a power of two of them
  int shift_;                     // hash bits to drop to index the table
};

}  // namespace dcp

#endif  // DCP_TEXT_BPE_H_
