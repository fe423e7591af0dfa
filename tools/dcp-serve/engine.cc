#include "dcp-serve/engine.h"

#include <chrono>

#include "common/schedule_options.h"

namespace dcp::tools {

Engine::Engine(const ServeOptions& options, ToolIo& io)
    : model_(LoadModel(options.model, io)), tokenizer_(options.model, *model_, io), pool_(options.model.threads) {
  tokenizer_.WarnOfDamage(io);
  SchedulerOptions scheduling;
  scheduling.kv_budget_bytes = options.kv_budget;
  scheduling.max_running = options.max_running;
  scheduling.max_waiting = options.queue;
  scheduling.prompt_tokens_per_step = options.prompt_tokens;
  scheduling.max_shared_prompts = options.shared_prompts;
  SetSpool(options.spool, scheduling);
  SessionOptions session = MakeSessionOptions(options.model, *model_);
  session.record_drops = true;  // any request may ask for them
  MakeRoomForSteps(scheduling, session);
  session_.emplace(model_, pool_, session);
  policy_ = session_->policy().name();
  policy_spec_ = ResolvePolicy(options.model, *model_);
  scheduler_.emplace(*session_, tokenizer(), scheduling);
  stepper_ = std::thread([this] { Run(); });
}

Engine::~Engine() {
  stop_ = true;
  stepper_.join();
}

void Engine::Run() {
  try {
    while (!stop_) {
      if (!scheduler_->Step()) scheduler_->WaitForWork(std::chrono::milliseconds(100));
    }
  } catch (...) {  // nothing that a request does comes here
    broken_ = true;
  }
}

}  // namespace dcp::tools
