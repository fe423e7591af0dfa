#include "runtime/shared_prompts.h"

#include <algorithm>
#include <new>
#include <utility>

#include "support/hash.h"

namespace dcp {
namespace {

// Beginnings that are counted; when there are more, counting begins anew.
constexpr size_t kMostCounts = 1 << 16;

}  // namespace

std::vector<uint64_t> BeginningsOf(std::span<const TokenId> prompt, size_t chunk, std::string_view policy) {
  std::vector<uint64_t> hashes;
  uint64_t hash = FnvHash(kFnvBasis, policy.data(), policy.size());
  for (size_t begin = 0; begin < prompt.size(); begin += chunk) {
    const auto piece = prompt.subspan(begin, std::min(chunk, prompt.size() - begin));
    hash = FnvHash(hash, piece.data(), piece.size_bytes());
    hashes.push_back(hash);
  }
  // All of a prompt is something else than a beginning of others: the logits after it are kept with it.
  hashes.push_back(FnvStep(hash, prompt.size()));
  return hashes;
}

SharedPrompts::~SharedPrompts() {
  while (DropOldest()) continue;
}

size_t SharedPrompts::TokensOf(const ScheduledJob& job, size_t beginning) const {
  return std::min((beginning + 1) * chunk_, job.prompt().size());
}

uint32_t SharedPrompts::CountOf(uint64_t hash) const {
  const auto it = counts_.find(hash);
  return it != counts_.end() ? it->second : 0;
}

void SharedPrompts::Count(const ScheduledJob& job) {
  if (most_ == 0) return;
  if (counts_.size() > kMostCounts) counts_.clear();
  try {
    for (const uint64_t hash : job.beginnings()) ++counts_[hash];
  } catch (const std::bad_alloc&) {  // it can do without
  }
}

std::list<SharedPrompts::Kept>::iterator SharedPrompts::FindKept(const ScheduledJob& job, size_t beginning) {
  const size_t tokens = TokensOf(job, beginning);
  const bool whole = beginning + 1 == job.beginnings().size();
  return std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.hash == job.beginnings()[beginning] && kept.whole == whole && kept.ids.size() == tokens &&
           kept.policy == job.policy() && std::equal(kept.ids.begin(), kept.ids.end(), job.prompt().begin());
  });
}

SharedPrompts::Found SharedPrompts::Find(const ScheduledJob& job) {
  for (size_t i = job.beginnings().size(); i-- > 0 && !kept_.empty();) {
    // What has no logits cannot stand for a whole prompt.
    if (i + 1 < job.beginnings().size() && TokensOf(job, i) == job.prompt().size()) continue;
    const auto it = FindKept(job, i);
    if (it == kept_.end()) continue;
    kept_.splice(kept_.begin(), kept_, it);
    return {it->sequence, it->ids.size(), it->whole ? &it->logits : nullptr};
  }
  return {};
}

bool SharedPrompts::WorthWaiting(const ScheduledJob& job, const ScheduledJob& reader, size_t have) const {
  if (most_ == 0) return false;
  const auto& own = job.beginnings();
  const auto& other = reader.beginnings();
  size_t common = 0;
  if (!own.empty() && !other.empty() && own.back() == other.back()) {
    common = job.prompt().size();
  } else {
    for (size_t i = 0; i + 1 < own.size() && i + 1 < other.size() && own[i] == other[i]; ++i) {
      if (TokensOf(job, i) < job.prompt().size()) common = TokensOf(job, i);
    }
  }
  return common > have && reader.read() < common;
}

bool SharedPrompts::Wants(const ScheduledJob& job) const {
  if (most_ == 0 || job.beginnings().empty()) return false;
  const auto& hashes = job.beginnings();
  const bool whole = job.read() == job.prompt().size();
  if (!whole && job.read() % chunk_ != 0) return false;
  const size_t at = whole ? hashes.size() - 1 : job.read() / chunk_ - 1;
  const uint32_t count = CountOf(hashes[at]);
  if (count < 2 || (!whole && count <= CountOf(hashes[at + 1]))) return false;
  return const_cast<SharedPrompts*>(this)->FindKept(job, at) == kept_.end();
}

void SharedPrompts::Keep(const ScheduledJob& job, std::span<const float> logits) {
  if (kept_.size() >= most_) DropOldest();
  Kept kept;
  kept.whole = !logits.empty();
  kept.hash = kept.whole ? job.beginnings().back() : job.beginnings()[job.read() / chunk_ - 1];
  kept.ids.assign(job.prompt().begin(), job.prompt().begin() + static_cast<ptrdiff_t>(job.read()));
  kept.policy = job.policy();
  kept.logits.assign(logits.begin(), logits.end());
  kept.sequence = session_.Clone(job.sequence());
  kept_.push_front(std::move(kept));
}

bool SharedPrompts::DropOldest() {
  if (kept_.empty()) return false;
  session_.Finish(kept_.back().sequence);
  kept_.pop_back();
  return true;
}

}  // namespace dcp
