#include <cmath>
#include <span>
#include <sstream>
#include <string>

#include "dcp/error.h"
#include "dcp/sampler.h"

namespace dcp {
namespace {

template <typename T>
void Require(bool holds, const std::string& field, T value, const char* range) {
  if (holds) return;
  std::ostringstream message;
  message << field << ": " << value << " is not " << range;
  throw Error(ErrorCode::kInvalidArgument, message.str());
}

void RequireFinite(const std::string& field, float value) {
  Require(std::isfinite(value), field, value, "a finite number");
}

void RequireShare(const char* field, float value) { Require(value > 0.0f && value <= 1.0f, field, value, "in (0, 1]"); }

void CheckIds(const char* field, std::span<const TokenId> ids, const auto& check) {
  for (const TokenId id : ids) check(field, id);
}

// Calls `check(field, id)` for every id that the options name.
void ForEachId(const SamplingOptions& options, const auto& check) {
  for (const LogitBias& bias : options.logit_bias) check("logit_bias", bias.id);
  for (const std::vector<TokenId>& word : options.bad_words_ids) CheckIds("bad_words_ids", word, check);
  CheckIds("forced_ids", options.forced_ids, check);
}

}  // namespace

void SamplingOptions::Validate() const {
  Require(std::isfinite(temperature) && temperature >= 0.0f, "temperature", temperature, "0 or more");
  Require(top_k >= 0, "top_k", top_k, "0 or more");
  RequireShare("top_p", top_p);
  Require(min_p >= 0.0f && min_p <= 1.0f, "min_p", min_p, "in [0, 1]");
  RequireShare("typical_p", typical_p);
  Require(std::isfinite(repetition_penalty) && repetition_penalty > 0.0f, "repetition_penalty", repetition_penalty,
          "above 0");
  RequireFinite("presence_penalty", presence_penalty);
  RequireFinite("frequency_penalty", frequency_penalty);
  Require(no_repeat_ngram_size >= 0, "no_repeat_ngram_size", no_repeat_ngram_size, "0 or more");
  for (const LogitBias& bias : logit_bias) RequireFinite("logit_bias of id " + std::to_string(bias.id), bias.bias);
  for (const std::vector<TokenId>& word : bad_words_ids) {
    Require(!word.empty(), "bad_words_ids", "an empty word", "one or more ids");
  }
  ForEachId(*this, [](const char* field, TokenId id) { Require(id >= 0, field, id, "a token id, 0 or more"); });
  for (const auto& processor : processors) Require(processor != nullptr, "processors", "null", "a processor");
}

void SamplingOptions::CheckVocabulary(int vocab_size) const {
  ForEachId(*this, [vocab_size](const char* field, TokenId id) {
    if (id >= 0 && id < vocab_size) return;
    throw Error(ErrorCode::kInvalidArgument, std::string(field) + ": id " + std::to_string(id) +
                                                 " is outside the vocabulary, 0.." + std::to_string(vocab_size - 1));
  });
}

}  // namespace dcp
