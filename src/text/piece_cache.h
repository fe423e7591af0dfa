// What the short pieces of a long text were encoded to: its words come again and again.
#ifndef DCP_TEXT_PIECE_CACHE_H_
#define DCP_TEXT_PIECE_CACHE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "dcp/types.h"

namespace dcp {

// One place for each hash, the newest piece in it. Takes 640 KB, so it is for texts that are longer than that makes up
// for (kWorthwhile); there it makes encoding of English 1.7 times as fast.
class PieceCache {
 public:
  static constexpr size_t kWorthwhile = size_t{1} << 16;  // bytes of text

  struct Entry {
    uint64_t low = 0;   // the piece's first 8 bytes
    uint64_t high = 0;  // the 7 others, and its length, which is never 0
    std::array<TokenId, 5> ids{};
    int32_t count = 0;

    std::span<const TokenId> tokens() const { return {ids.data(), static_cast<size_t>(count)}; }
  };

  PieceCache() : entries_(kEntries) {}

  static bool Takes(std::string_view piece) { return piece.size() <= kLongest; }

  // The place of a piece; `found` tells whether it is there. REQUIRES: Takes(piece).
  Entry& Find(std::string_view piece, bool* found) {
    uint64_t low = 0;
    uint64_t high = 0;
    std::memcpy(&low, piece.data(), std::min<size_t>(piece.size(), 8));
    if (piece.size() > 8) std::memcpy(&high, piece.data() + 8, piece.size() - 8);
    high |= static_cast<uint64_t>(piece.size()) << 56;
    const uint64_t hash = (low ^ (high * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
    Entry& entry = entries_[hash >> (64 - kIndexBits)];
    *found = entry.low == low && entry.high == high;
    if (!*found) entry = {low, high, {}, 0};
    return entry;
  }

  // Remembers what a piece that was not found is; many tokens are not remembered.
  static void Remember(std::span<const TokenId> tokens, Entry* entry) {
    if (tokens.size() > entry->ids.size()) {
      *entry = {};
      return;
    }
    std::ranges::copy(tokens, entry->ids.begin());
    entry->count = static_cast<int32_t>(tokens.size());
  }

 private:
  static constexpr size_t kLongest = 15;
  static constexpr int kIndexBits = 14;
  static constexpr size_t kEntries = size_t{1} << kIndexBits;

  std::vector<Entry> entries_;
};

}  // namespace dcp

#endif  // DCP_TEXT_PIECE_CACHE_H_
