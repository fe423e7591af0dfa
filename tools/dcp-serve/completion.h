// One request to /v1/completions, between the thread of its client and the thread that steps the model.
#ifndef DCP_TOOLS_DCP_SERVE_COMPLETION_H_
#define DCP_TOOLS_DCP_SERVE_COMPLETION_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dcp-serve/api/completion_request.h"
#include "dcp-serve/api/completion_text.h"
#include "dcp-serve/engine.h"

namespace dcp::tools {

// Shared by both threads: the stepping one adds and never waits, the client's takes. Destroyed or abandoned before its
// end, it cancels its requests.
class Completion : public std::enable_shared_from_this<Completion> {
 public:
  Completion(CompletionRequest request, CompletionHead head, Engine& engine);
  ~Completion();

  // Hands its prompts to the scheduler. Throws ApiError: 400 for what cannot run, 429 where the queue is full; nothing
  // of it runs then.
  void Start(double deadline_seconds);

  // Waits for news, at most so long. False: there are none.
  bool Wait(std::chrono::milliseconds most);

  // What came since, as events of a stream ("data: {..}\n\n"), ended by "data: [DONE]\n\n".
  std::string TakeEvents();
  // True once all is over and taken.
  bool over();

  // The whole answer. Throws ApiError where a request failed. REQUIRES: over() of a completion without stream.
  Json Document();

  // The client is gone.
  void Abandon();

 private:
  struct Choice {
    std::unique_ptr<LogprobsList> logprobs;  // null: not asked for
    std::string text;
    FinishReason reason = FinishReason::kLength;
    bool told_end = false;
  };

  void AddPrompt(size_t prompt, std::span<const GeneratedLogprobs> logprobs);
  void AddToken(size_t prompt, const GeneratedToken& token);
  void AddResult(size_t prompt, ScheduledResult result);
  void BeginChoices(size_t prompt, std::span<const GeneratedLogprobs> prompt_logprobs);
  void AddEvent(Json choice);
  size_t IndexOf(size_t prompt, size_t sample) const {
    return prompt * static_cast<size_t>(request_.samples()) + sample;
  }

  const CompletionRequest request_;
  const CompletionHead head_;
  Engine& engine_;
  std::vector<RequestId> ids_;

  std::mutex mutex_;  // of all below
  std::condition_variable news_;
  std::vector<Choice> choices_;
  std::vector<bool> begun_;  // by prompt: what is echoed was told
  std::string events_;
  size_t running_ = 0;  // prompts
  bool ended_ = false;  // the end of the stream was written
  Usage usage_;
  std::string error_;
  int error_status_ = 0;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_COMPLETION_H_
