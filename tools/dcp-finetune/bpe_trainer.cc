#include "dcp-finetune/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <queue>
#include <unordered_map>

#include "dcp-finetune/model_directory.h"
#include "dcp/error.h"
#include "text/byte_alphabet.h"
#include "text/pretokenizer.h"

namespace dcp::finetune {
namespace {

using WordCounts = std::unordered_map<std::string_view, int64_t>;

WordCounts CountWords(std::span<const std::string_view> documents, ThreadPool& pool) {
  std::vector<WordCounts> by_worker(pool.threads());
  pool.ParallelFor(documents.size(), [&](size_t index, size_t worker) {
    std::string_view rest = documents[index];
    while (!rest.empty()) {
      const std::string_view piece = NextPiece(rest);
      ++by_worker[worker][piece];
      rest.remove_prefix(piece.size());
    }
  });
  for (size_t i = 1; i < by_worker.size(); ++i) {
    for (const auto& [word, count] : by_worker[i]) by_worker[0][word] += count;
  }
  return std::move(by_worker[0]);
}

// Bytes in the order of the characters that stand for them in the files, as GPT-2 numbers them.
std::array<uint8_t, 256> BytesInOrder() {
  std::array<uint8_t, 256> bytes;
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<uint8_t>(i);
  std::sort(bytes.begin(), bytes.end(), [](uint8_t a, uint8_t b) { return CharacterOfByte(a) < CharacterOfByte(b); });
  return bytes;
}

class Merger {
 public:
  Merger(const WordCounts& words, const std::array<uint8_t, 256>& bytes) {
    std::array<int32_t, 256> id_of;
    for (int i = 0; i < 256; ++i) id_of[bytes[i]] = i;
    std::vector<std::pair<std::string_view, int64_t>> sorted(words.begin(), words.end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [text, count] : sorted) {
      Word word{{}, count};
      for (const char c : text) word.ids.push_back(id_of[static_cast<uint8_t>(c)]);
      words_.push_back(std::move(word));
    }
    for (size_t i = 0; i < words_.size(); ++i) AddPairs(i, +1);
    changed_.clear();
    for (const auto& [pair, entry] : pairs_) heap_.push({entry.count, pair});
  }

  // Merges the most frequent pair into the token `result`; false when none occurs twice.
  bool Step(int32_t result, std::pair<int32_t, int32_t>& merged) {
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const auto found = pairs_.find(best.pair);
      if (found == pairs_.end() || found->second.count != best.count) continue;  // outdated: a newer one is in the heap
      if (best.count < 2) return false;
      merged = {static_cast<int32_t>(best.pair >> 32), static_cast<int32_t>(best.pair & 0xffffffff)};
      MergeEverywhere(merged, result, std::move(found->second.words));
      return true;
    }
    return false;
  }

 private:
  struct Word {
    std::vector<int32_t> ids;
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it was seen; may repeat, may be outdated
  };
  struct Candidate {
    int64_t count;
    uint64_t pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  void AddPairs(size_t index, int sign) {
    const Word& word = words_[index];
    for (size_t i = 0; i + 1 < word.ids.size(); ++i) {
      const uint64_t key = Key(word.ids[i], word.ids[i + 1]);
      Pair& pair = pairs_[key];
      pair.count += sign * word.count;
      if (sign > 0) pair.words.push_back(static_cast<uint32_t>(index));
      changed_.push_back(key);
    }
  }

  void MergeEverywhere(const std::pair<int32_t, int32_t>& pair, int32_t result, std::vector<uint32_t> places) {
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const uint32_t index : places) {
      if (!Contains(words_[index].ids, pair)) continue;
      AddPairs(index, -1);
      Replace(words_[index].ids, pair, result);
      AddPairs(index, +1);
    }
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const uint64_t key : changed_) {
      const auto found = pairs_.find(key);
      if (found->second.count > 0) {
        heap_.push({found->second.count, key});
      } else {
        pairs_.erase(found);
      }
    }
    changed_.clear();
  }

  static bool Contains(const std::vector<int32_t>& ids, const std::pair<int32_t, int32_t>& pair) {
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      if (ids[i] == pair.first && ids[i + 1] == pair.second) return true;
    }
    return false;
  }

  static void Replace(std::vector<int32_t>& ids, const std::pair<int32_t, int32_t>& pair, int32_t result) {
    size_t to = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      const bool match = i + 1 < ids.size() && ids[i] == pair.first && ids[i + 1] == pair.second;
      ids[to++] = match ? result : ids[i];
      if (match) ++i;
    }
    ids.resize(to);
  }

  std::vector<Word> words_;
  std::unordered_map<uint64_t, Pair> pairs_;
  std::priority_queue<Candidate> heap_;
  std::vector<uint64_t> changed_;
};

}  // namespace

LearnedBpe TrainBpe(std::span<const std::string_view> documents, int vocabulary, ThreadPool& pool) {
  if (vocabulary < 258) {
    throw Error(ErrorCode::kInvalidArgument,
                "a vocabulary of " + std::to_string(vocabulary) +
                    " tokens was asked for: 256 bytes, a merge and <|endoftext|> need 258");
  }
  const std::array<uint8_t, 256> bytes = BytesInOrder();
  LearnedBpe bpe;
  for (const uint8_t byte : bytes) bpe.tokens.emplace_back(1, static_cast<char>(byte));
  Merger merger(CountWords(documents, pool), bytes);
  std::pair<int32_t, int32_t> merged;
  while (static_cast<int>(bpe.tokens.size()) + 1 < vocabulary &&
         merger.Step(static_cast<int32_t>(bpe.tokens.size()), merged)) {
    bpe.merges.push_back(merged);
    bpe.tokens.push_back(bpe.tokens[merged.first] + bpe.tokens[merged.second]);
  }
  bpe.tokens.emplace_back(kEndOfText);
  return bpe;
}

void WriteTokenizer(const LearnedBpe& bpe, const std::filesystem::path& directory) {
  const auto name = [&](size_t id) {
    if (id + 1 == bpe.tokens.size()) return bpe.tokens[id];  // <|endoftext|> stands as it is
    std::string text;
    for (const char byte : bpe.tokens[id]) text += NameOfByte(static_cast<uint8_t>(byte));
    return text;
  };
  nlohmann::ordered_json vocabulary = nlohmann::ordered_json::object();
  for (size_t id = 0; id < bpe.tokens.size(); ++id) vocabulary[name(id)] = id;
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : bpe.merges) merges += name(left) + " " + name(right) + "\n";
  std::filesystem::create_directories(directory);
  WriteTokenizerFiles({{"vocab.json", vocabulary.dump()}, {"merges.txt", merges}}, directory);
}

}  // namespace dcp::finetune
