// Text generation on top of Session: requests in, tokens out, as one ragged batch that sequences join and leave.
//
//   dcp::GenerateRequest request{tokenizer.Encode("Once upon a time"), {}};
//   request.options.sampling.temperature = 0.8f;
//   dcp::GenerateResult result = dcp::Generate(session, {&request, 1}, {}, &tokenizer);
#ifndef DCP_GENERATE_H_
#define DCP_GENERATE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dcp/drop_log.h"
#include "dcp/export.h"
#include "dcp/kv_cache.h"
#include "dcp/model_config.h"
#include "dcp/prompt_state.h"
#include "dcp/sampler.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp {

// Why a sequence has ended.
enum class FinishReason {
  kLength,     // max_new_tokens were made
  kEos,        // an end-of-text token was made, or one of stop_ids (it is the last generated id)
  kStop,       // a stop text appeared; `text` ends before it
  kContext,    // P positions are full
  kCancelled,  // the callback said so
  kError,      // it could not run, or not go on: see GeneratedSequence::error
};
// "length", "eos", "stop", "context", "cancelled", "error".
DCP_EXPORT std::string_view ToString(FinishReason reason);

// What happens when P positions are full and more tokens are wanted.
enum class Overflow {
  kStop,  // the sequence ends, with reason kContext
  // The last P/2 tokens are read again into an empty sequence, at positions 0 .. P/2-1, and generation goes on from
  // there. An approximation: what lies before them is forgotten, whatever the policy would have kept.
  kSlide,
};

// What is done to a prompt that is too long.
enum class Truncate {
  kNone,  // the request ends with an error when the prompt is longer than P
  // The beginning is cut off so that the prompt and max_new_tokens (or the longest continuation) fit in P positions, at
  // most half of which are left free for new tokens; under Overflow::kSlide, so that the prompt alone fits.
  kLeft,
};

// When beam search ends, given that it has as many finished texts as beams.
enum class EarlyStopping {
  kHeuristic,   // when the best unfinished one, ended now, would not be among them (transformers: false, the default)
  kAtOnce,      // at once (transformers: true)
  kExhaustive,  // when no unfinished one can come to be among them, up to its greatest length (transformers: "never")
};

// What one request asks for. Names are those that transformers and the OpenAI API use.
struct GenerateOptions {
  int max_new_tokens = 128;             // per sequence; >= 1
  int min_new_tokens = 0;               // no end-of-text token is made before so many tokens
  SamplingOptions sampling = {};        // see GenerateRequest::stream
  std::vector<std::string> stop = {};   // texts that end a sequence; needs a tokenizer
  bool ignore_eos = false;              // go on after the model's end-of-text token
  std::vector<TokenId> stop_ids = {};   // more ids that end a sequence, as an end-of-text token does
  Truncate truncate = Truncate::kNone;  // of a prompt that is too long
  Overflow overflow = Overflow::kStop;  // at the last position

  // Sequences made of the prompt, which is read once: they share its memory until they part. With beams: how many of
  // the best are returned. >= 1.
  int samples = 1;

  // Beam search, where above 1: the most likely texts by sum of log-probabilities / length^length_penalty, of those
  // that so many beams find; as in transformers, token for token. REQUIRES: temperature 0, samples <= num_beams,
  // overflow kStop.
  int num_beams = 1;
  float length_penalty = 1.0f;  // of beams: above 0 favours longer texts, below 0 shorter ones; finite
  EarlyStopping early_stopping = EarlyStopping::kHeuristic;  // of beams

  // Not empty: texts that are scored after the prompt, see GeneratedSequence::scores; nothing is generated then (finish
  // reason kLength). Each is one or more ids, and fits in P positions but for its last id. REQUIRES: samples and
  // num_beams 1.
  std::vector<std::vector<TokenId>> continuations = {};

  // Where present, GeneratedSequence::logprobs has an entry for each generated token, with so many of the most likely
  // alternatives; 0 .. V.
  std::optional<int> logprobs = {};
  bool keep_prompt_logits = false;  // fill GeneratedSequence::prompt_logits
  // Tell GeneratedToken::drops. REQUIRES: a Session that records drops, overflow kStop; not for beams.
  bool report_drops = false;
};

// One prompt, and what is to be made of it.
struct GenerateRequest {
  std::vector<TokenId> prompt =
      {};                        // empty: begins at the model's bos token, or where it has none at its first eos token
  GenerateOptions options = {};  // of every sequence of the request
  // Sample s of the request draws as sequence stream + s * 2^32 of the seed: which tokens it gets is a function of
  // (prompt, options, stream, s) alone, whatever else is in the batch.
  uint64_t stream = 0;
  // A beginning of the prompt that the session has read already, and that stays as it is; null: nothing. The prompt has
  // to begin with its ids. Must outlive the call.
  const PromptState* start = nullptr;
  // What leaves the cache of its sequences, as Session::Add takes it; null: as the session's policy says. Not with
  // `start`, which was read under that one.
  std::shared_ptr<const EvictionPolicy> policy = nullptr;
  // Not empty: the request is known to be wrong, and is answered with this error.
  std::string error = {};
};

// How a batch of requests is run.
struct BatchOptions {
  // Sequences (samples, beams) decoded together; the next request joins when there is room, a single one always. 0: all
  // at once.
  int max_batch = 0;
  // Asked before each pass; false: as if the callback had cancelled. May be empty.
  std::function<bool()> go_on = {};
};

// A token, and how likely it was.
struct TokenLogprob {
  TokenId id = 0;        // 0 .. V-1
  float logprob = 0.0f;  // natural logarithm
};

// Under the model's own distribution: the log-softmax of its logits, before penalties, bans, temperature and filters.
struct GeneratedLogprobs {
  float logprob = 0.0f;           // of the generated token
  std::vector<TokenLogprob> top;  // the most likely tokens, the likeliest first, the lowest id among equals
};

// A token that a layer no longer keeps.
struct LayerDrop {
  int layer = 0;         // 0 .. L-1
  int32_t position = 0;  // of the token, from 0
};

// What the callback is told: one token of one sequence. Views die with the call. Beams are reported once their request
// is done.
struct GeneratedToken {
  size_t sequence = 0;    // index into GenerateResult::sequences
  TokenId id = 0;         // -1: none, the sequence ends here with an error, or was scored
  std::string_view text;  // text that became certain with this token: whole UTF-8 characters, nothing that may still
                          // turn out to be a stop text; empty without a
                          // tokenizer, and for ids that it does not know (a padded vocabulary)
  bool last = false;      // the sequence is finished; the rest of its text is here
  const GeneratedLogprobs* logprobs = nullptr;  // of it; null unless asked for
  // What left the cache since the token before this one was told, or since the beginning; empty unless asked for.
  std::span<const LayerDrop> drops = {};
};
// Return false to end the whole generation (finish reason kCancelled for what is unfinished).
using TokenCallback = std::function<bool(const GeneratedToken&)>;

// How likely a given text is after the prompt, under the model's own distribution, with what the policy drops while it
// is read.
struct ContinuationScore {
  std::vector<float> logprobs;  // of each id
  double logprob = 0.0;         // their sum
  bool greedy = true;           // each is the likeliest at its place: what temperature 0 would generate
};

// One text that was made, and what is known of it.
struct GeneratedSequence {
  size_t request = 0;                                  // index into the requests
  int sample = 0;                                      // 0 .. samples-1; of beams the best first
  std::vector<TokenId> prompt_ids;                     // as fed: truncated, or begun
  std::vector<TokenId> generated_ids;                  // an end-of-text token included
  std::string text;                                    // of the generated ids, without end-of-text and stop text
  FinishReason finish_reason = FinishReason::kLength;  // why it ended
  std::string error;                                   // one line; of kError only
  // [L] kept positions once every id but the last generated one was fed; after a slide, positions among the tokens
  // that were read again.
  std::vector<std::vector<int32_t>> kept;
  std::vector<DropLog> drops;               // [L] at the same moment; empty unless the Session records drops
  std::vector<float> prompt_logits;         // [V] after the prompt; empty unless asked for
  std::vector<GeneratedLogprobs> logprobs;  // one for each generated id; empty unless asked for
  std::vector<ContinuationScore> scores;    // one for each of the continuations
  int slides = 0;                           // how often the last P/2 tokens were read again
  std::optional<double> beam_score;         // what beams are ranked by
};

// What a call of Generate took, of all its requests together.
struct GenerateStats {
  int64_t prefill_tokens = 0;  // read as prompts, those that were read again included
  double prefill_seconds = 0;  // in such passes
  int64_t decode_tokens = 0;   // tokens made by decode steps (the first of each sequence comes from prefill)
  double decode_seconds = 0;   // in decode steps, the choice of tokens included
  std::vector<double> decode_step_seconds;  // one per decode step
  double sparsity = 0;                      // mean over sequences, at the last fed token
  CacheStats cache;                         // after the last pass, before its sequences are finished
};

// What Generate returns.
struct GenerateResult {
  std::vector<GeneratedSequence> sequences;  // in the order of the requests, max(1, samples) of each
  GenerateStats stats;                       // of the call
};

// The prompt as Generate feeds it: begun where it is empty, truncated where that is asked for. Throws
// Error(kContextFull) when it is longer than P, Error(kInvalidArgument) when it cannot be begun, has an id outside the
// vocabulary, or does not begin with `request.start`.
DCP_EXPORT std::vector<TokenId> PreparePrompt(const GenerateRequest& request, const ModelConfig& config);

// Runs every request to its end. Sequences are added to `session` and finished; those already in it are left alone.
// `tokenizer` may be null: then no text, and stop texts are an error. A request that cannot run - a prompt longer than
// P, ids outside the vocabulary, options out of range - ends with reason kError before any work is done for it, and
// changes nothing for the others. A prompt of exactly P tokens yields one token (finish reason kContext). Throws
// Error(kInvalidArgument) for a negative max_batch, and what Session throws.
DCP_EXPORT GenerateResult Generate(Session& session, std::span<const GenerateRequest> requests,
                                   const BatchOptions& options = {}, const Tokenizer* tokenizer = nullptr,
                                   const TokenCallback& on_token = {});

// The same for prompts that are treated alike; the stream of prompt i is i. The first that cannot run is an Error,
// before any work: "prompt 3: ..", kContextFull where it is too long, else kInvalidArgument.
DCP_EXPORT GenerateResult Generate(Session& session, std::span<const std::vector<TokenId>> prompts,
                                   const GenerateOptions& options, const Tokenizer* tokenizer = nullptr,
                                   const TokenCallback& on_token = {}, const BatchOptions& batch = {});

}  // namespace dcp

#endif  // DCP_GENERATE_H_
