// Small random models and sessions for the tests of cache and runtime.
#ifndef DCP_TESTS_UNIT_RUNTIME_SESSION_TESTING_H_
#define DCP_TESTS_UNIT_RUNTIME_SESSION_TESTING_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dcp/dcp.h"

namespace dcp::session_testing {

inline ModelConfig SmallShape() {
  ModelConfig config;
  config.n_layer = 3;
  config.n_head = 2;
  config.n_embd = 10;
  config.n_inner = 40;
  config.n_positions = 80;
  config.vocab_size = 53;
  config.int_n_embd = 5;
  return config;
}

inline std::shared_ptr<const Model> SmallModel(uint64_t seed = 1, int delay = 0) {
  ModelConfig config = SmallShape();
  config.eviction_delay = delay;
  return Model::Random(config, seed);
}

// Random interaction weights are small beside beta = 2: this threshold drops about half of the tokens.
inline std::shared_ptr<const EvictionPolicy> Policy(const std::string& text) {
  PolicySpec spec = ParsePolicy(text);
  if (spec.kind == PolicySpec::Kind::kLearned) spec.threshold = 2.0f;
  return MakePolicy(spec);
}

inline SessionOptions WithPolicy(const std::string& text) {
  SessionOptions options;
  options.policy = Policy(text);
  return options;
}

inline std::vector<TokenId> Ids(size_t count, int first = 3) {
  std::vector<TokenId> ids(count);
  for (size_t i = 0; i < count; ++i) ids[i] = static_cast<TokenId>((first + i * i * 7 + i * 3) % 53);
  return ids;
}

// Adds a sequence and feeds it tokens.
inline SequenceId AddFed(Session& session, const std::vector<TokenId>& ids) {
  const SequenceId id = session.Add();
  const FeedItem item{id, ids};
  session.Prefill({&item, 1});
  return id;
}

// All kept sets of a session, as [sequence][layer] of slots.
inline std::vector<std::vector<std::vector<int32_t>>> KeptSets(const Session& session) {
  std::vector<std::vector<std::vector<int32_t>>> all;
  for (SequenceId id : session.cache().Sequences()) {
    all.emplace_back();
    for (int layer = 0; layer < session.cache().layers(); ++layer) {
      all.back().push_back(session.cache().SlotPositions(layer, id));
    }
  }
  return all;
}

// Expects an Error of that code, of one line, whose text has all of `parts`.
inline void ExpectError(ErrorCode code, const std::vector<std::string>& parts, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_EQ(e.code(), code) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    for (const std::string& part : parts) EXPECT_NE(what.find(part), std::string::npos) << what << " lacks " << part;
  }
}

}  // namespace dcp::session_testing

#endif  // DCP_TESTS_UNIT_RUNTIME_SESSION_TESTING_H_
