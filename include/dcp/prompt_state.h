// A prompt that was read once, to begin any number of requests: in this session, or from a file in a later process.
#ifndef DCP_PROMPT_STATE_H_
#define DCP_PROMPT_STATE_H_

#include <iosfwd>
#include <span>
#include <vector>

#include "dcp/export.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp {

// What a prompt has left in a session.
struct PromptState {
  SequenceId sequence = 0;    // of the session, after `ids`; the caller's, who may finish it
  std::vector<TokenId> ids;   // one or more
  std::vector<float> logits;  // [V] after the last of them
};

// Feeds the ids to a new sequence, or what they have more than `start`, which stays as it is, to a copy of that one.
// Throws what Session::Prefill throws - for no ids, too -, and Error(kInvalidArgument) when the ids do not begin with
// those of `start`; nothing is added then.
DCP_EXPORT PromptState ReadPrompt(Session& session, std::span<const TokenId> ids, const PromptState* start = nullptr);

// Writes the state to a binary stream, in the byte order of the machine: ids, logits, the sequence as Session::Save
// writes it, the policy's name, fingerprints of model and tokenizer (null: none), checksums. Throws Error(kIo) when the
// stream fails; Error(kInvalidArgument), before anything is written, for a state that is not this session's: a sequence
// that is not there, or has seen another number of tokens than there are ids, or logits that are not V.
DCP_EXPORT void SavePromptState(const Session& session, const PromptState& state, const Tokenizer* tokenizer,
                                std::ostream& out);

// Adds it back. What is computed from it is, bit for bit, what is computed from the state that was saved. Throws
// Error(kInvalidArgument) when what is read is damaged or was saved with another model, tokenizer, policy or KV type,
// and says which, Error(kIo) when the stream fails; nothing is added then. Two tokenizers are compared where there are
// two.
DCP_EXPORT PromptState LoadPromptState(Session& session, const Tokenizer* tokenizer, std::istream& in);

}  // namespace dcp

#endif  // DCP_PROMPT_STATE_H_
