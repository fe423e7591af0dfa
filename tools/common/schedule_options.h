// How many requests share a budget of memory: what every tool that runs a Scheduler is asked.
#ifndef DCP_TOOLS_COMMON_SCHEDULE_OPTIONS_H_
#define DCP_TOOLS_COMMON_SCHEDULE_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "dcp/scheduler.h"
#include "dcp/session.h"

namespace dcp::tools {

class OptionGroup;  // common/option_group.h
struct ToolIo;      // common/tool.h

// Bytes: "268435456", "256M", "1.5G"; K, M, G and T are powers of 1024. Throws dcp::Error for what is none, or is 0.
size_t ReadByteCount(const std::string& text);

// --kv-budget
void AddKvBudget(const OptionGroup& add, size_t& bytes, const std::string& by_default);

// Where sequences go that are set aside.
struct SpoolOptions {
  std::optional<std::string> directory;  // of the file; absent: memory
  size_t memory = 0;                     // bytes that stay in memory
};
// --spool, --spool-after
void AddSpool(const OptionGroup& add, SpoolOptions& spool);
// Throws dcp::Error(kInvalidArgument) for --spool-after alone.
void SetSpool(const SpoolOptions& spool, SchedulerOptions& scheduler);
// Warns when the file could not take something, once for each reason.
void WarnOfSpool(const SchedulerStats& stats, ToolIo& io);

// --prompt-tokens-per-step
void AddPromptTokens(const OptionGroup& add, int& tokens);

// The session's passes hold what a step of the scheduler feeds, so that each step is one pass.
void MakeRoomForSteps(const SchedulerOptions& scheduler, SessionOptions& session);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_SCHEDULE_OPTIONS_H_
