// Confidence intervals of perplexities by resampling the text. Rows of a table are resampled alike, so that the ratio
// of two of them is compared text by text.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_BOOTSTRAP_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_BOOTSTRAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/resample.h"
#include "dcp-eval/scoring/windows.h"

namespace dcp::tools {

// Fewer documents than these are too few to resample.
inline constexpr size_t kEnoughDocuments = 20;

// What is drawn with replacement: whole documents where there are enough of them, else blocks: runs of neighbouring
// windows of one document.
struct ResampleUnits {
  std::string name;          // "document" or "block"
  size_t block_windows = 0;  // windows of a block, the last of a document may have fewer; 0: documents
  size_t count = 0;
  std::vector<size_t> of_window;  // [windows] 0 .. count-1
};
// Blocks are as long as leaves about 50 of them, and at most 16 windows.
ResampleUnits ChooseUnits(std::span<const Window> windows);

// Sum of negative log-likelihoods over `tokens` tokens.
struct NllSum {
  double nll = 0;
  size_t tokens = 0;

  void Add(double value) {
    nll += value;
    ++tokens;
  }
};

// exp of the mean; NaN for no tokens.
double PerplexityOf(const NllSum& sum);

class PerplexityBootstrap {
 public:
  // The draws are a function of the three numbers.
  PerplexityBootstrap(size_t units, size_t samples, uint64_t seed);

  // The middle 95 % of the perplexities of the samples; nothing when there are fewer than two units, or no samples.
  // `units` [units], every one with a token.
  std::optional<Interval> Perplexity(std::span<const NllSum> units) const;

  // The same of perplexity / perplexity of `control`, both of the same sample.
  std::optional<Interval> Ratio(std::span<const NllSum> units, std::span<const NllSum> control) const;

 private:
  std::vector<double> MeanNlls(std::span<const NllSum> units) const;

  size_t units_;
  std::vector<std::vector<uint32_t>> drawn_;  // [samples][units] how often
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_BOOTSTRAP_H_
