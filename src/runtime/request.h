// What is known of a request before it runs: whether it can, and what it begins with.
#ifndef DCP_RUNTIME_REQUEST_H_
#define DCP_RUNTIME_REQUEST_H_

#include <cstddef>
#include <vector>

#include "dcp/generate.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"

namespace dcp {

// Throws Error(kInvalidArgument) for options that are out of range, contradict each other, or name ids that the model
// does not have.
void CheckRequestOptions(const GenerateOptions& options, const ModelConfig& config, const Tokenizer* tokenizer);

// The same, and what depends on how the session was made.
void CheckRequest(const GenerateRequest& request, const Session& session, const Tokenizer* tokenizer);

// Sequences of the request in the result.
size_t ResultCount(const GenerateOptions& options);

// The ids that end a sequence of this request.
std::vector<TokenId> EndsOf(const GenerateOptions& options, const ModelConfig& config);

// The sampling options with what else of the request bears on the choice of a token: min_new_tokens.
SamplingOptions SamplingOf(const GenerateOptions& options, const ModelConfig& config);

}  // namespace dcp

#endif  // DCP_RUNTIME_REQUEST_H_
