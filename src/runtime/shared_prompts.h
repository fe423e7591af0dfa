// Beginnings of prompts that are kept in the cache for requests that begin alike.
#ifndef DCP_RUNTIME_SHARED_PROMPTS_H_
#define DCP_RUNTIME_SHARED_PROMPTS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dcp/session.h"
#include "dcp/types.h"
#include "runtime/scheduled_job.h"

namespace dcp {

// Hashes of a prompt's first 1, 2, .. chunks, and of all of it. A prompt is read in these pieces whoever reads it, so
// what the cache holds after each is a function of the tokens before it and of the policy, bit for bit.
std::vector<uint64_t> BeginningsOf(std::span<const TokenId> prompt, size_t chunk, std::string_view policy);

// Policies of one name are taken for the same. A beginning is worth keeping when it was asked for twice, and what
// follows it there was not.
class SharedPrompts {
 public:
  SharedPrompts(Session& session, size_t most)
      : session_(session), chunk_(static_cast<size_t>(session.options().prefill_chunk)), most_(most) {}
  ~SharedPrompts();
  SharedPrompts(const SharedPrompts&) = delete;
  SharedPrompts& operator=(const SharedPrompts&) = delete;

  struct Found {
    SequenceId sequence = 0;
    size_t tokens = 0;                           // 0: nothing was found
    const std::vector<float>* logits = nullptr;  // after a whole prompt; null otherwise
  };

  // Notes that a request with such a prompt has come.
  void Count(const ScheduledJob& job);

  // The longest that a prompt begins with.
  Found Find(const ScheduledJob& job);

  // Whether `reader` is about to read what `job` begins with, and more of it than there is now.
  bool WorthWaiting(const ScheduledJob& job, const ScheduledJob& reader, size_t have) const;

  // Whether the job, which has just read a piece of its prompt, stands where it is worth keeping.
  bool Wants(const ScheduledJob& job) const;
  // Keeps it. `logits` [V] after it, where that is all of the prompt; else empty.
  void Keep(const ScheduledJob& job, std::span<const float> logits);

  // Lets go of the one that was not used for longest. False where there is none.
  bool DropOldest();

 private:
  struct Kept {
    uint64_t hash = 0;
    std::vector<TokenId> ids;
    std::string policy;
    bool whole = false;
    SequenceId sequence = 0;
    std::vector<float> logits;
  };

  size_t TokensOf(const ScheduledJob& job, size_t beginning) const;
  std::list<Kept>::iterator FindKept(const ScheduledJob& job, size_t beginning);
  uint32_t CountOf(uint64_t hash) const;

  Session& session_;
  size_t chunk_;
  size_t most_;
  std::list<Kept> kept_;  // the last used first
  std::unordered_map<uint64_t, uint32_t> counts_;
};

}  // namespace dcp

#endif  // DCP_RUNTIME_SHARED_PROMPTS_H_
