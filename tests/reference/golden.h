// Golden files: what the code that the authors of the method published computes for small random models.
#ifndef DCP_TESTS_REFERENCE_GOLDEN_H_
#define DCP_TESTS_REFERENCE_GOLDEN_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "dcp/types.h"

namespace dcp::reference {

struct GoldenCase {
  std::vector<TokenId> ids;                                 // the prompt
  std::vector<std::vector<int32_t>> dropped_at;             // [L][T], -1: never
  std::vector<double> nll;                                  // [T - 1] pruned
  std::vector<double> last_logits;                          // [V] pruned
  std::vector<TokenId> greedy_ids;                          // continued from the prompt
  std::vector<std::vector<int32_t>> kept_after_generation;  // [L] once all but the last generated id were fed
  std::vector<double> dense_nll;                            // [T - 1] with pruning off
  std::vector<double> dense_last_logits;                    // [V] with pruning off
};

// Reads golden.json of a folder. Throws what the JSON library throws.
std::vector<GoldenCase> ReadGolden(const std::filesystem::path& folder);

// Every folder with a golden.json in tests/data/golden and, where it is set, in the folder named by the environment
// variable DCP_GOLDEN_DIR (or that folder itself). Sorted.
std::vector<std::filesystem::path> GoldenFolders(const std::filesystem::path& source_dir);

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_GOLDEN_H_
