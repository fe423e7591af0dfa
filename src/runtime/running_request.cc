#include "runtime/running_request.h"

#include <algorithm>
#include <utility>

#include "runtime/request.h"

namespace dcp {

size_t GenerationOutput::AddSequences(const GenerateRequest& request, size_t index, std::span<const TokenId> prompt) {
  const size_t first = result_.sequences.size();
  for (size_t s = 0; s < ResultCount(request.options); ++s) {
    GeneratedSequence& sequence = result_.sequences.emplace_back();
    sequence.request = index;
    sequence.sample = static_cast<int>(s);
    sequence.prompt_ids.assign(prompt.begin(), prompt.end());
  }
  return first;
}

void GenerationOutput::Notify(const GeneratedToken& token) {
  if (!cancelled_ && on_token_ && !on_token_(token)) cancelled_ = true;
}

void GenerationOutput::Describe(SequenceId id, GeneratedSequence& sequence) const {
  const KvCache& cache = session_.cache();
  sequence.kept.clear();
  sequence.drops.clear();
  for (int layer = 0; layer < cache.layers(); ++layer) {
    sequence.kept.push_back(cache.KeptPositions(layer, id));
    if (session_.options().record_drops) sequence.drops.push_back(session_.Drops(layer, id));
  }
}

void GenerationOutput::Fail(size_t index, const std::string& error) {
  GeneratedSequence& failed = sequence(index);
  failed.finish_reason = FinishReason::kError;
  failed.error = error;
  Notify({.sequence = index, .id = -1, .text = {}, .last = true});
}

void GenerationOutput::CountSparsity(double sparsity) {
  sparsity_sum_ += sparsity;
  ++sparsity_count_;
}

double GenerationOutput::MeanSparsity() const {
  return sparsity_count_ > 0 ? sparsity_sum_ / static_cast<double>(sparsity_count_) : 0.0;
}

size_t WidthOf(const GenerateOptions& options) {
  return static_cast<size_t>(std::max(options.samples, options.num_beams));
}

std::unique_ptr<RunningRequest> MakeRunningRequest(GenerationOutput& output, RequestPlace place, SequenceId sequence) {
  const GenerateOptions& options = place.request->options;
  const auto make = !options.continuations.empty() ? MakeScoreGroup
                    : options.num_beams > 1        ? MakeBeamGroup
                                                   : MakeSampleGroup;
  return make(output, std::move(place), sequence);
}

}  // namespace dcp
