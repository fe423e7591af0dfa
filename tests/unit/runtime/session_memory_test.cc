// What a session asks of the system, and what it does when the system says no.
#include <gtest/gtest.h>

#include "tests/unit/runtime/session_testing.h"

#if defined(__linux__)
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace dcp {
namespace {

using session_testing::Ids;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // memory is theirs, not ours
#else
constexpr bool kSanitized = false;
#endif

// Column of /proc/self/statm, in bytes. 0: address space, 1: resident.
size_t Memory(int column) {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0;
  for (int i = 0; i <= column; ++i) statm >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// K and V of a token take 2 x 32 layers x 128 floats: 32 KiB.
std::shared_ptr<const Model> DeepModel() {
  ModelConfig config;
  config.n_layer = 32;
  config.n_head = 2;
  config.n_embd = 128;
  config.n_inner = 16;
  config.n_positions = 128;
  config.vocab_size = 53;
  return Model::Random(config, 1);
}

TEST(SessionMemory, ResidentMemoryFollowsTheCacheAndComesBack) {
  if (kSanitized) GTEST_SKIP() << "not under sanitizers";
  ThreadPool pool(1);
  Session session(DeepModel(), pool);
  const std::vector<TokenId> ids = Ids(128);
  session.Finish(session_testing::AddFed(session, ids));  // scratch memory is there now
  const size_t before = Memory(1);
  std::vector<SequenceId> sequences;
  for (int i = 0; i < 16; ++i) sequences.push_back(session_testing::AddFed(session, ids));
  const size_t reserved = session.cache().Stats().reserved_bytes;
  EXPECT_GT(reserved, size_t{60} << 20);
  EXPECT_NEAR(static_cast<double>(Memory(1) - before), static_cast<double>(reserved),
              0.05 * static_cast<double>(reserved));
  for (SequenceId id : sequences) session.Finish(id);
  malloc_trim(0);
  EXPECT_LT(Memory(1), before + reserved / 20);
}

// In a child with little address space left: decodes until memory is refused. 0: all went as the contract says.
int RunOutOfMemory() {
  ThreadPool pool(1);
  Session session(DeepModel(), pool);
  const std::vector<TokenId> ids = Ids(128);
  const SequenceId first = session_testing::AddFed(session, ids);
  const rlim_t limit = Memory(0) + (size_t{40} << 20);
  const rlimit limits{limit, limit};
  if (setrlimit(RLIMIT_AS, &limits) != 0) return 1;
  const auto kept = session.cache().SlotPositions(0, first);
  SequenceId last = -1;
  try {
    for (int i = 0; i < 100; ++i) {
      last = session.Add();
      const FeedItem item{last, ids};
      session.Prefill({&item, 1});
    }
    return 2;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kOutOfMemory) return 3;
  } catch (const std::exception&) {
    return 4;  // nothing but Error leaves the library
  }
  try {  // the sequence of the failed call can only be finished
    const TokenId next = 1;
    session.Decode({&last, 1}, {&next, 1});
    return 5;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInvalidArgument) return 6;
  }
  session.Finish(last);
  if (session.cache().SlotPositions(0, first) != kept) return 7;
  session.Finish(first);
  session_testing::AddFed(session, ids);  // what was given back serves others
  return 0;
}

TEST(SessionMemory, RefusedMemoryBreaksOnlyTheSequencesOfTheCall) {
  if (kSanitized) GTEST_SKIP() << "not under sanitizers";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      _exit(RunOutOfMemory());
    } catch (const std::exception&) {
      _exit(100);
    }
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace dcp
#endif  // __linux__
