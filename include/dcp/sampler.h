// Picks the next token from logits.
#ifndef DCP_SAMPLER_H_
#define DCP_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dcp/types.h"

namespace dcp {

struct SamplingOptions {
  float temperature =
      0.0f;            // 0: greedy (the largest logit, the lowest id among equals); otherwise logits are divided by it
  int top_k = 0;       // sample among the k most likely tokens only; 0: off
  float top_p = 1.0f;  // sample among the fewest most likely tokens whose probabilities sum to p; 1: off
  uint64_t seed = 0;   // see Sample()

  // Throws Error(kInvalidArgument) for a negative or not finite temperature, a negative top_k, or a top_p outside (0,
  // 1].
  void Validate() const;
};

// Owns scratch only: one per thread, usable for any number of sequences.
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options);  // validates

  // `logits` [V]. The draw is a function of (seed, stream, position) and the logits alone, never of batch mates or of
  // earlier draws: `stream` tells sequences apart, `position` is that of the token being drawn. Filters apply in the
  // order temperature, top_k, top_p. Throws Error(kInvalidModel) when a logit is NaN.
  TokenId Sample(std::span<const float> logits, uint64_t stream, uint64_t position);

 private:
  SamplingOptions options_;
  std::vector<TokenId> candidates_;
  std::vector<double> weights_;
};

// Uniform in [0, 1), a pure function of its arguments.
double CounterUniform(uint64_t seed, uint64_t stream, uint64_t position);

}  // namespace dcp

#endif  // DCP_SAMPLER_H_
