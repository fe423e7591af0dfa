// Requests of all kinds, and what they give when they run alone.
#ifndef DCP_TESTS_UNIT_RUNTIME_SCHEDULER_TESTING_H_
#define DCP_TESTS_UNIT_RUNTIME_SCHEDULER_TESTING_H_

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dcp/scheduler.h"
#include "tests/unit/runtime/session_testing.h"

namespace dcp::session_testing {

// Random requests over the small model: prompts that often begin alike, draws and greedy, samples, beams, scores.
class RequestMaker {
 public:
  explicit RequestMaker(unsigned seed) : random_(seed) {}

  GenerateRequest Make() {
    GenerateRequest request;
    request.prompt = Ids(1 + Number(50), Number(3));  // one of three texts, cut somewhere
    if (Number(3) == 0) request.prompt.push_back(Number(53));
    request.stream = random_();
    GenerateOptions& options = request.options;
    options.max_new_tokens = 1 + Number(25);
    options.sampling.seed = random_();
    options.sampling.temperature = Number(3) == 0 ? 0.0f : 1.0f;
    if (Number(4) == 0) options.sampling.repetition_penalty = 1.3f;
    if (Number(4) == 0) options.logprobs = 2;
    switch (Number(8)) {
      case 0:
        options.samples = 2 + Number(3);
        break;
      case 1:
        options.num_beams = 2 + Number(2);
        options.sampling.temperature = 0.0f;
        break;
      case 2:
        options.continuations = {Ids(1 + Number(9), 5), Ids(1 + Number(20), 6)};
        break;
      case 3:
        options.overflow = Overflow::kSlide;
        options.max_new_tokens = 60;
        break;
      default:
        break;
    }
    return request;
  }

  int Number(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

 private:
  std::mt19937 random_;
};

// Everything about a sequence that must not depend on what else ran.
inline void ExpectSame(const GeneratedSequence& got, const GeneratedSequence& alone, const std::string& which) {
  EXPECT_EQ(got.generated_ids, alone.generated_ids) << which;
  EXPECT_EQ(got.prompt_ids, alone.prompt_ids) << which;
  EXPECT_EQ(got.finish_reason, alone.finish_reason) << which << ": " << got.error;
  EXPECT_EQ(got.kept, alone.kept) << which;
  EXPECT_EQ(got.slides, alone.slides) << which;
  EXPECT_EQ(got.beam_score, alone.beam_score) << which;
  ASSERT_EQ(got.logprobs.size(), alone.logprobs.size()) << which;
  for (size_t i = 0; i < got.logprobs.size(); ++i)
    EXPECT_EQ(got.logprobs[i].logprob, alone.logprobs[i].logprob) << which;
  ASSERT_EQ(got.scores.size(), alone.scores.size()) << which;
  for (size_t i = 0; i < got.scores.size(); ++i) EXPECT_EQ(got.scores[i].logprobs, alone.scores[i].logprobs) << which;
}

}  // namespace dcp::session_testing

#endif  // DCP_TESTS_UNIT_RUNTIME_SCHEDULER_TESTING_H_
