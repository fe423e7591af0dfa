#include "common/sampling_options.h"

#include "common/id_list.h"
#include "common/option_group.h"

namespace dcp::tools {
namespace {

LogitBias ReadLogitBias(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) RejectValue(text, "is not ID:X");
  return {ParseId(text.substr(0, colon), "id"), ReadNumber<float>(text.substr(colon + 1))};
}

}  // namespace

void AddSamplingOptions(const OptionGroup& add, SamplingOptions& options) {
  add("--temperature", options.temperature, "Divides the logits; default: 0, greedy", "X");
  add("--top-k", options.top_k, "Sample among the K most likely tokens; default: 0, all", "K");
  add("--top-p", options.top_p, "Sample among the fewest tokens whose probabilities sum to P; default: 1, all", "P");
  add("--min-p", options.min_p,
      "Leave out tokens less likely than this share of the likeliest one's probability; default: 0, none", "P");
  add("--typical-p", options.typical_p,
      "Sample among the fewest tokens, those of the most typical information first, whose probabilities sum to P; "
      "default: 1, all",
      "P");
  add("--repetition-penalty", options.repetition_penalty,
      "Divides positive and multiplies negative logits of tokens in prompt and generated text; default: 1, off", "X");
  add("--presence-penalty", options.presence_penalty, "Subtracted from the logits of generated tokens; default: 0, off",
      "X");
  add("--frequency-penalty", options.frequency_penalty,
      "Subtracted from the logits of generated tokens for each time they were; default: 0, off", "X");
  add("--no-repeat-ngram-size", options.no_repeat_ngram_size,
      "No run of N tokens occurs twice in prompt and generated text; default: 0, off", "N");
  add.Pairs("--logit-bias", options.logit_bias, "Adds X to the logit of a token; may be repeated", "ID:X",
            ReadLogitBias);
  add.Each("--bad-words-ids", options.bad_words_ids, "A word, as token ids 1,2,3, that is never made; may be repeated",
           "IDS", ReadIds);
  add("--forced-ids", options.forced_ids, "Token ids that the generated text begins with: 1,2,3", "IDS", ReadIds);
}

}  // namespace dcp::tools
