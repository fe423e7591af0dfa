// Picks the next token from logits.
#ifndef DCP_SAMPLER_H_
#define DCP_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dcp/export.h"
#include "dcp/logits_processor.h"
#include "dcp/types.h"

namespace dcp {

// What is added to the logit of one token.
struct LogitBias {
  TokenId id = 0;     // 0 .. V-1
  float bias = 0.0f;  // added to the logit
};

// Names and meanings are those of Hugging Face transformers, and of the OpenAI API where it says so. They apply in this
// order: logit_bias, the penalties, the bans, forced_ids, `processors`; then, unless the choice is greedy, temperature,
// top_k, top_p, min_p, typical_p, each on what the one before has left.
struct SamplingOptions {
  float temperature =
      0.0f;            // 0: greedy (the largest logit, the lowest id among equals); otherwise logits are divided by it
  int top_k = 0;       // sample among the k most likely tokens only; 0: off
  float top_p = 1.0f;  // sample among the fewest most likely tokens whose probabilities sum to p; 1: off
  float min_p = 0.0f;  // drop tokens less likely than this share of the most likely one's probability; 0: off
  // Sample among the fewest tokens whose probabilities sum to p, those first whose information -log(probability) is
  // nearest to the expected one, the entropy; 1: off.
  float typical_p = 1.0f;

  // Of every token in prompt and generated text: positive logits are divided by it, negative ones multiplied. Above 1
  // makes repetition less likely; 1: off.
  float repetition_penalty = 1.0f;
  // OpenAI's: subtracted from the logits of every token that was generated (not those of the prompt), once, and once
  // for each time it was. Negative ones make repetition more likely; 0: off.
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;  // the second of the two
  int no_repeat_ngram_size = 0;  // no run of so many tokens occurs twice in prompt and generated text together; 0: off
  std::vector<LogitBias> logit_bias = {};  // OpenAI's; biases of an id that is named twice add up
  std::vector<std::vector<TokenId>> bad_words_ids =
      {};                                // runs of ids that are never completed; a single id: never made
  std::vector<TokenId> forced_ids = {};  // what the generated text begins with, whatever the logits

  LogitsProcessors processors = {};  // of the caller's own, after all of the above
  uint64_t seed = 0;                 // see Sampler::Sample

  // Throws Error(kInvalidArgument) naming the field and its value when it is out of range: a negative or not finite
  // temperature, a negative top_k or no_repeat_ngram_size, a top_p or typical_p outside (0, 1], a min_p outside [0, 1],
  // a repetition_penalty that is not positive and finite, other penalties or biases that are not finite, negative ids,
  // an empty word, a null processor.
  DCP_EXPORT void Validate() const;

  // Throws Error(kInvalidArgument) naming the field and the id for ids that a vocabulary of `vocab_size` tokens does
  // not have.
  DCP_EXPORT void CheckVocabulary(int vocab_size) const;
};

// Usable for any number of sequences, by one thread at a time.
class DCP_EXPORT Sampler {
 public:
  // Room for one draw at a time: a few numbers for each token of the vocabulary. Samplers that are not used at once may
  // share it.
  struct Scratch {
    std::vector<float> processed;     // logits after the processors
    std::vector<TokenId> candidates;  // what is drawn from
    std::vector<double> weights;      // of the candidates
    std::vector<double> distances;    // of the candidates, for typical_p
    std::vector<uint32_t> order;      // of the candidates, for typical_p
  };

  // Throws what options.Validate() throws. `scratch`: null for one of its own.
  explicit Sampler(const SamplingOptions& options, std::shared_ptr<Scratch> scratch = nullptr);

  // `logits` [V]. The draw is a function of the logits, the history's tokens and its (stream, position) with the
  // options' seed alone, never of batch mates or of earlier draws. Throws Error(kInvalidModel) when a logit is NaN,
  // Error(kInvalidArgument) when there are no logits, when the processors leave NaN or no token at all, or when options
  // or history name ids that the logits do not have; and what processors of the caller's own throw.
  TokenId Sample(std::span<const float> logits, const TokenHistory& history);

  // The same where nothing depends on the tokens before. Throws Error(kInvalidArgument), too, when there are
  // processors.
  TokenId Sample(std::span<const float> logits, uint64_t stream, uint64_t position);

  // As given.
  const SamplingOptions& options() const { return options_; }

 private:
  TokenId Draw(std::span<const float> logits, uint64_t stream, uint64_t position);

  SamplingOptions options_;
  LogitsProcessors processors_;
  std::shared_ptr<Scratch> scratch_;
};

// Uniform in [0, 1), a pure function of its arguments. Thread-safe.
DCP_EXPORT double CounterUniform(uint64_t seed, uint64_t stream, uint64_t position);

}  // namespace dcp

#endif  // DCP_SAMPLER_H_
