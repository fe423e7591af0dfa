// The best next tokens of all beams together.
#ifndef DCP_RUNTIME_BEAM_CANDIDATES_H_
#define DCP_RUNTIME_BEAM_CANDIDATES_H_

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "dcp/types.h"

namespace dcp {

// One token more for one beam.
struct BeamCandidate {
  size_t beam = 0;
  TokenId id = 0;
  double score = 0.0;  // sum of log-probabilities
};

// Keeps the best `capacity` of what is added, in order of falling score; among equals the lowest beam and id, which are
// to be added first.
class BeamCandidates {
 public:
  explicit BeamCandidates(size_t capacity) : capacity_(capacity) { candidates_.reserve(capacity + 1); }

  void Clear() { candidates_.clear(); }

  void Add(const BeamCandidate& candidate) {
    if (candidate.score == -std::numeric_limits<double>::infinity()) return;  // banned
    if (candidates_.size() == capacity_ && candidate.score <= candidates_.back().score) return;
    const auto above = [](const BeamCandidate& a, const BeamCandidate& b) { return a.score > b.score; };
    candidates_.insert(std::upper_bound(candidates_.begin(), candidates_.end(), candidate, above), candidate);
    if (candidates_.size() > capacity_) candidates_.pop_back();
  }

  const std::vector<BeamCandidate>& best() const { return candidates_; }

 private:
  size_t capacity_;
  std::vector<BeamCandidate> candidates_;
};

}  // namespace dcp

#endif  // DCP_RUNTIME_BEAM_CANDIDATES_H_
