// How likely a model finds tokens, from the logits that predict them.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_LIKELIHOOD_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_LIKELIHOOD_H_

#include <cstddef>
#include <span>
#include <string>

#include "dcp/thread_pool.h"
#include "dcp/types.h"

namespace dcp::tools {

// -log softmax(logits)[target], in double precision, for any finite logits.
double NegativeLogLikelihood(std::span<const float> logits, TokenId target);

// A token that is predicted, and what comes of it.
struct Prediction {
  std::span<const float> logits;
  TokenId target;
  const std::string* source;  // where the token stands, for messages
  size_t token;               // its number there, from 0
  double* nll;
  bool most_likely = false;  // no other token is likelier, of equals no lower id
};

// Fills in what comes of them, on all threads. Throws dcp::Error(kInvalidModel) naming the source and the token when a
// likelihood is not finite.
void ScorePredictions(ThreadPool& pool, std::span<Prediction> predictions);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_LIKELIHOOD_H_
