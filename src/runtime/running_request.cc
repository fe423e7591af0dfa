#include "runtime/running_request.h"

#include <algorithm>
#include <utility>

namespace dcp {

void GenerationOutput::Notify(size_t sequence, TokenId id, std::string_view text, bool last) {
  if (!cancelled_ && on_token_ && !on_token_({sequence, id, text, last})) cancelled_ = true;
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
  Notify(index, -1, {}, true);
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
