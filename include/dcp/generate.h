// Text generation on top of Session: prompts in, tokens out, as one ragged batch that sequences join and leave.
#ifndef DCP_GENERATE_H_
#define DCP_GENERATE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/drop_log.h"
#include "dcp/kv_cache.h"
#include "dcp/sampler.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp {

enum class FinishReason {
  kLength,     // max_new_tokens were made
  kEos,        // the end-of-text token was made (it is the last generated id)
  kStop,       // a stop text appeared; `text` ends before it
  kContext,    // P positions are full
  kCancelled,  // the callback said so
};
std::string_view ToString(FinishReason reason);  // "length", "eos", "stop", "context", "cancelled"

struct GenerateOptions {
  int max_new_tokens = 128;       // per sequence; >= 1
  int max_batch = 0;              // sequences decoded together; the next prompt joins when one finishes. 0: all at once
  SamplingOptions sampling;       // the stream of sequence i is i, so its text does not depend on max_batch
  std::vector<std::string> stop;  // texts that end a sequence; needs a tokenizer
  bool ignore_eos = false;        // go on after the end-of-text token
  bool keep_prompt_logits = false;  // fill GeneratedSequence::prompt_logits
};

// What the callback is told: one token of one sequence.
struct GeneratedToken {
  size_t sequence = 0;  // index into the prompts
  TokenId id = 0;
  std::string_view text;  // text that became certain with this token: whole UTF-8 characters, nothing that may still
                          // turn out to be a stop text; empty without a
                          // tokenizer, and for ids that it does not know (a padded vocabulary)
  bool last = false;      // the sequence is finished; the rest of its text is here
};
// Return false to end the whole generation (finish reason kCancelled for what is unfinished).
using TokenCallback = std::function<bool(const GeneratedToken&)>;

struct GeneratedSequence {
  std::vector<TokenId> prompt_ids;
  std::vector<TokenId> generated_ids;
  std::string text;  // of the generated ids, without end-of-text and stop text
  FinishReason finish_reason = FinishReason::kLength;
  std::vector<std::vector<int32_t>> kept;  // [L] kept positions once every id but the last generated one was fed
  std::vector<DropLog> drops;              // [L] at the same moment; empty unless the Session records drops
  std::vector<float> prompt_logits;        // [V] after the prompt; empty unless asked for
};

struct GenerateStats {
  int64_t prefill_tokens = 0;
  double prefill_seconds = 0;
  int64_t decode_tokens = 0;  // tokens made by decode steps (the first of each sequence comes from prefill)
  double decode_seconds = 0;
  std::vector<double> decode_step_seconds;  // one per decode step
  double sparsity = 0;                      // mean over sequences, at the last fed token
  CacheStats cache;                         // after the last pass, before its sequences are finished
};

struct GenerateResult {
  std::vector<GeneratedSequence> sequences;  // in the order of the prompts
  GenerateStats stats;
};

// Runs every prompt to its end. Sequences are added to `session` and finished; those already in it are left alone.
// `tokenizer` may be null: then no text, and stop texts are an error. Throws what Session throws; an empty prompt is
// Error(kInvalidArgument), one longer than P Error(kContextFull); prompts are checked before any work. A prompt of
// exactly P tokens yields one token (finish reason kContext).
GenerateResult Generate(Session& session, std::span<const std::vector<TokenId>> prompts, const GenerateOptions& options,
                        const Tokenizer* tokenizer = nullptr, const TokenCallback& on_token = {});

}  // namespace dcp

#endif  // DCP_GENERATE_H_
