// What is done to logits before a token is chosen: penalties, biases, bans, and whatever a program adds of its own.
#ifndef DCP_LOGITS_PROCESSOR_H_
#define DCP_LOGITS_PROCESSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dcp/export.h"
#include "dcp/types.h"

namespace dcp {

// What is known of a sequence when its next token is chosen. A view: dies with the call that it is given to.
struct TokenHistory {
  std::span<const TokenId> ids = {};  // all tokens so far: those of the prompt, then those that were generated
  size_t prompt_tokens = 0;           // how many of them were given; at most ids.size()
  uint64_t seed = 0;                  // of the draws of this sequence
  uint64_t stream = 0;                // tells sequences of one seed apart

  // Those after the prompt.
  std::span<const TokenId> generated() const { return ids.subspan(prompt_tokens); }
  size_t position() const { return ids.size(); }  // of the token to be chosen
};

// Changes the logits of one token before it is chosen. A token that may not be chosen gets minus infinity.
//
// Process must be a pure function of its arguments: the same history and logits give the same logits, whatever was
// processed before, for other sequences or for this one (beams go back to earlier tokens). What is random in it follows
// from (seed, stream, position), see CounterUniform(). Under these terms a sequence's tokens depend neither on its
// batch mates nor on the order of the work. It may be called for several sequences at once from different threads, and
// what it throws ends the generation.
class DCP_EXPORT LogitsProcessor {
 public:
  virtual ~LogitsProcessor();

  // `logits` [V]: those of the model, as the processors before this one left them; in beam search their log-softmax.
  virtual void Process(const TokenHistory& history, std::span<float> logits) const = 0;
};

// In the order in which they apply; none is null.
using LogitsProcessors = std::vector<std::shared_ptr<const LogitsProcessor>>;

struct SamplingOptions;  // dcp/sampler.h

// The processors that these options ask for, in the order in which they apply: logit_bias, repetition_penalty,
// presence_penalty and frequency_penalty, no_repeat_ngram_size, bad_words_ids, forced_ids, then the options' own
// `processors`. Throws what options.Validate() throws. Their Process throws Error(kInvalidArgument), naming the id, for
// ids of the options or of the history that the logits do not have.
DCP_EXPORT LogitsProcessors MakeLogitsProcessors(const SamplingOptions& options);

// Bans the ids until so many tokens were generated: for ids that end a text. Throws Error(kInvalidArgument) for a
// number below 0; its Process throws for ids outside the logits, as above.
DCP_EXPORT std::shared_ptr<const LogitsProcessor> MakeMinNewTokensProcessor(std::vector<TokenId> ids,
                                                                            int min_new_tokens);

}  // namespace dcp

#endif  // DCP_LOGITS_PROCESSOR_H_
