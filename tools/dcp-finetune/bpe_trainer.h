// Learns a byte-level BPE from text and writes it in GPT-2's files.
#ifndef DCP_TOOLS_DCP_FINETUNE_BPE_TRAINER_H_
#define DCP_TOOLS_DCP_FINETUNE_BPE_TRAINER_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dcp/thread_pool.h"

namespace dcp::finetune {

// The token that every vocabulary learned here ends with; it parts documents.
inline constexpr char kEndOfText[] = "<|endoftext|>";

struct LearnedBpe {
  std::vector<std::string> tokens;                  // by id, bytes: 256 single bytes, the merged ones, <|endoftext|>
  std::vector<std::pair<int32_t, int32_t>> merges;  // best first; merge i makes token 256 + i
};

// Merges the most frequent pair of neighbours inside GPT-2's pre-tokens until there are `vocabulary` tokens (fewer when
// no pair occurs twice any more); among equals the pair of lower ids. The same documents in any order and any number of
// threads give the same result. Throws dcp::Error(kInvalidArgument) for a vocabulary below 258.
LearnedBpe TrainBpe(std::span<const std::string_view> documents, int vocabulary, ThreadPool& pool);

// Writes vocab.json and merges.txt, in place of whatever tokenizer is there. Throws dcp::Error(kIo).
void WriteTokenizer(const LearnedBpe& bpe, const std::filesystem::path& directory);

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_BPE_TRAINER_H_
