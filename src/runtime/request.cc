#include "runtime/request.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "dcp/error.h"

namespace dcp {
namespace {

[[noreturn]] void Reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

void CheckIds(std::span<const TokenId> ids, const ModelConfig& config, const std::string& name) {
  for (const TokenId id : ids) {
    if (id >= 0 && id < config.vocab_size) continue;
    Reject(name + "token id " + std::to_string(id) + " is not in 0 .. " + std::to_string(config.vocab_size - 1));
  }
}

template <typename T>
void Require(bool holds, const char* field, T value, const std::string& range) {
  if (holds) return;
  std::ostringstream message;
  message << field << ": " << value << " is not " << range;
  Reject(message.str());
}

void CheckStop(const GenerateOptions& options, const Tokenizer* tokenizer) {
  for (const std::string& stop : options.stop) {
    if (stop.empty()) Reject("stop: an empty text would stop everything");
  }
  if (!options.stop.empty() && tokenizer == nullptr) Reject("stop: texts need a tokenizer, the model has none");
}

void CheckBeams(const GenerateOptions& options) {
  Require(options.num_beams >= 1, "num_beams", options.num_beams, "at least 1");
  Require(std::isfinite(options.length_penalty), "length_penalty", options.length_penalty, "a finite number");
  if (options.num_beams == 1) return;
  const std::string beams = "num_beams is " + std::to_string(options.num_beams) + ": ";
  if (options.sampling.temperature != 0.0f) {
    std::ostringstream message;
    message << beams << "beam search draws nothing, temperature is " << options.sampling.temperature << ", must be 0";
    Reject(message.str());
  }
  if (options.samples > options.num_beams) {
    Reject(beams + "samples is " + std::to_string(options.samples) + ", must be at most as many");
  }
  if (options.overflow != Overflow::kStop) Reject(beams + "overflow is slide, must be stop");
}

void CheckContinuations(const GenerateOptions& options, const ModelConfig& config) {
  if (options.continuations.empty()) return;
  Require(options.samples == 1, "samples", options.samples, "1, where continuations are scored");
  Require(options.num_beams == 1, "num_beams", options.num_beams, "1, where continuations are scored");
  for (size_t i = 0; i < options.continuations.size(); ++i) {
    const std::string name = "continuation " + std::to_string(i);
    if (options.continuations[i].empty()) Reject(name + ": has 0 tokens, needs at least 1");
    CheckIds(options.continuations[i], config, name + ": ");
  }
}

// How many of the last tokens of a prompt can stay.
size_t RoomForPrompt(const GenerateOptions& options, const ModelConfig& config) {
  size_t wanted = static_cast<size_t>(options.max_new_tokens);
  if (options.overflow == Overflow::kSlide) wanted = 0;
  if (!options.continuations.empty()) {
    const auto shorter = [](const auto& a, const auto& b) { return a.size() < b.size(); };
    wanted = std::max_element(options.continuations.begin(), options.continuations.end(), shorter)->size();
  }
  const auto positions = static_cast<size_t>(config.n_positions);
  return positions - std::min(wanted, positions / 2);
}

std::vector<TokenId> Begun(const ModelConfig& config) {
  if (config.bos_token_id) return {*config.bos_token_id};
  if (!config.eos_token_ids.empty()) return {config.eos_token_ids[0]};
  Reject("the prompt is empty, and the model has neither a bos nor an eos token to begin with");
}

void CheckLength(size_t tokens, const ModelConfig& config, const std::string& name) {
  if (tokens <= static_cast<size_t>(config.n_positions)) return;
  throw Error(ErrorCode::kContextFull, name + std::to_string(tokens) + " tokens exceed the model's " +
                                           std::to_string(config.n_positions) + " positions");
}

void CheckStart(std::span<const TokenId> prompt, std::span<const TokenId> start) {
  const auto differ = std::mismatch(prompt.begin(), prompt.end(), start.begin(), start.end());
  if (differ.second == start.end()) return;
  const std::string at = std::to_string(differ.second - start.begin());
  const std::string own = differ.first == prompt.end() ? "ends" : "has id " + std::to_string(*differ.first);
  Reject("the prompt does not begin with the saved one of " + std::to_string(start.size()) + " tokens: at index " + at +
         " it " + own + ", the saved one has id " + std::to_string(*differ.second));
}

}  // namespace

void CheckRequestOptions(const GenerateOptions& options, const ModelConfig& config, const Tokenizer* tokenizer) {
  options.sampling.Validate();
  options.sampling.CheckVocabulary(config.vocab_size);
  Require(options.max_new_tokens >= 1, "max_new_tokens", options.max_new_tokens, "at least 1");
  Require(options.min_new_tokens >= 0, "min_new_tokens", options.min_new_tokens, "0 or more");
  Require(options.samples >= 1, "samples", options.samples, "at least 1");
  if (options.logprobs) {
    Require(*options.logprobs >= 0 && *options.logprobs <= config.vocab_size, "logprobs", *options.logprobs,
            "in 0.." + std::to_string(config.vocab_size));
  }
  CheckStop(options, tokenizer);
  CheckIds(options.stop_ids, config, "stop_ids: ");
  CheckBeams(options);
  CheckContinuations(options, config);
}

void CheckRequest(const GenerateRequest& request, const Session& session, const Tokenizer* tokenizer) {
  const GenerateOptions& options = request.options;
  CheckRequestOptions(options, session.model().config(), tokenizer);
  session.CheckSequencePolicy(request.policy);
  if (request.policy != nullptr && request.start != nullptr) {
    Reject("policy: not for a prompt whose beginning was read under that of the session");
  }
  if (!options.report_drops) return;
  if (!session.options().record_drops) Reject("report_drops: the session does not record drops (record_drops)");
  if (options.num_beams > 1) Reject("report_drops: not with beams, which share their past");
  if (options.overflow == Overflow::kSlide) Reject("report_drops: not with overflow slide, which forgets at once");
}

std::vector<TokenId> PreparePrompt(const GenerateRequest& request, const ModelConfig& config) {
  std::vector<TokenId> prompt = request.prompt.empty() ? Begun(config) : request.prompt;
  CheckIds(prompt, config, "");
  if (request.options.truncate == Truncate::kLeft) {
    const size_t room = RoomForPrompt(request.options, config);
    if (prompt.size() > room) prompt.erase(prompt.begin(), prompt.end() - static_cast<ptrdiff_t>(room));
  }
  CheckLength(prompt.size(), config, "");
  for (size_t i = 0; i < request.options.continuations.size(); ++i) {
    CheckLength(prompt.size() + request.options.continuations[i].size() - 1, config,
                "continuation " + std::to_string(i) + ": ");
  }
  if (request.start != nullptr) CheckStart(prompt, request.start->ids);
  return prompt;
}

size_t ResultCount(const GenerateOptions& options) { return static_cast<size_t>(std::max(1, options.samples)); }

std::vector<TokenId> EndsOf(const GenerateOptions& options, const ModelConfig& config) {
  std::vector<TokenId> ends = options.stop_ids;
  if (!options.ignore_eos) ends.insert(ends.end(), config.eos_token_ids.begin(), config.eos_token_ids.end());
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

SamplingOptions SamplingOf(const GenerateOptions& options, const ModelConfig& config) {
  SamplingOptions sampling = options.sampling;
  const std::vector<TokenId> ends = EndsOf(options, config);
  if (options.min_new_tokens > 0 && !ends.empty()) {
    sampling.processors.insert(sampling.processors.begin(), MakeMinNewTokensProcessor(ends, options.min_new_tokens));
  }
  return sampling;
}

}  // namespace dcp
