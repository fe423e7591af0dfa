#include "common/request_options.h"

#include "common/option_group.h"
#include "common/sampling_options.h"

namespace dcp::tools {

void AddRequestOptions(const OptionGroup& add, RequestSettings& settings) {
  add("--max-new-tokens", settings.max_new_tokens, "Tokens to make for each sequence; default: 128", "N", AtLeast(1));
  add("--min-new-tokens", settings.min_new_tokens, "No end-of-text token before so many tokens; default: 0", "N",
      AtLeast(0));
  AddSamplingOptions(add, settings.sampling);
  add.Each("--stop", settings.stop, "End a sequence before this text; may be repeated", "TEXT", ReadNonEmpty);
  add.Flag("--ignore-eos", settings.ignore_eos, "Go on after the end-of-text token");
  add("--stop-ids", settings.stop_ids, "Token ids that end a sequence, as end-of-text does: 1,2,3", "IDS", ReadIds);
  add("--truncate", settings.truncate,
      "left: cut the beginning off a prompt that does not fit with its new tokens; default: none, an error", "WHERE",
      OneOf<Truncate>({{"none", Truncate::kNone}, {"left", Truncate::kLeft}}));
  add("--overflow", settings.overflow,
      "When all positions are full: stop, or slide, which reads the last half of them again and goes on (approximate: "
      "what lies before is forgotten); default: stop",
      "HOW", OneOf<Overflow>({{"stop", Overflow::kStop}, {"slide", Overflow::kSlide}}));
  add("--samples", settings.samples, "Sequences made of each prompt, which share its memory; default: 1", "N",
      AtLeast(1));
  add("--num-beams", settings.num_beams, "Beam search with so many beams, where above 1; default: 1", "N", AtLeast(1));
  add("--length-penalty", settings.length_penalty,
      "Beams are ranked by log-probability / length^X; default: 1, the mean of a token", "X");
  add("--early-stopping", settings.early_stopping,
      "When beam search ends that has as many texts as beams: true, at once; false, when none of the unfinished is as "
      "good; never, when none can become so; default: false",
      "WHEN",
      OneOf<EarlyStopping>({{"false", EarlyStopping::kHeuristic},
                            {"true", EarlyStopping::kAtOnce},
                            {"never", EarlyStopping::kExhaustive}}));
  add("--logprobs", settings.logprobs,
      "Log-probability of each generated token and of the K likeliest ones there, by the model's own distribution; "
      "with --json",
      "K", AtLeast(0));
  add.Each("--score", settings.score,
           "Instead of generating, give the log-probability of this text after the prompt; may be repeated", "TEXT",
           ReadNonEmpty);
  add.Each("--score-ids", settings.score_ids, "The same of token ids: 1,2,3; may be repeated", "IDS", ReadIds);
}

GenerateOptions MakeRequestOptions(const RequestSettings& settings, const Tokenizer* tokenizer) {
  GenerateOptions options = settings;
  for (const std::string& text : settings.score) {
    if (tokenizer == nullptr)
      throw Error(ErrorCode::kInvalidArgument, "score: texts need a tokenizer, the model has none");
    options.continuations.push_back(tokenizer->Encode(text));
  }
  options.continuations.insert(options.continuations.end(), settings.score_ids.begin(), settings.score_ids.end());
  return options;
}

}  // namespace dcp::tools
