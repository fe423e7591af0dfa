// The model with its scheduler, and the thread that steps it.
#ifndef DCP_TOOLS_DCP_SERVE_ENGINE_H_
#define DCP_TOOLS_DCP_SERVE_ENGINE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/model_tokenizer.h"
#include "common/tool.h"
#include "dcp-serve/options.h"
#include "dcp/scheduler.h"
#include "dcp/thread_pool.h"

namespace dcp::tools {

class Engine {
 public:
  // Loads the model; throws dcp::Error.
  Engine(const ServeOptions& options, ToolIo& io);
  ~Engine();  // ends what runs
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // For any thread.
  Scheduler& scheduler() { return *scheduler_; }
  const Scheduler& scheduler() const { return *scheduler_; }
  void CancelAll() { scheduler_->CancelAll(); }
  const Model& model() const { return *model_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }
  const std::string& policy() const { return policy_; }           // its name
  const PolicySpec& policy_spec() const { return policy_spec_; }  // of requests that bring none
  KvType kv_type() const { return session_->options().kv_type; }

  // What ended the stepping thread; empty while it goes.
  bool broken() const { return broken_; }

 private:
  void Run();

  std::shared_ptr<const Model> model_;
  ModelTokenizer tokenizer_;
  ThreadPool pool_;
  std::optional<Session> session_;
  std::string policy_;
  PolicySpec policy_spec_;
  std::optional<Scheduler> scheduler_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> broken_ = false;
  std::thread stepper_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_ENGINE_H_
