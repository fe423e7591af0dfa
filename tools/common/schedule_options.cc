#include "common/schedule_options.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "common/option_group.h"
#include "common/tool.h"

namespace dcp::tools {

size_t ReadByteCount(const std::string& text) {
  constexpr std::string_view kUnits = "KMGT";
  std::string number = text;
  double unit = 1.0;
  if (!number.empty()) {
    const size_t at = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(number.back()))));
    if (at != std::string_view::npos) {
      unit = std::pow(1024.0, static_cast<double>(at + 1));
      number.pop_back();
    }
  }
  double value = 0.0;
  try {
    value = ReadNumber<double>(number) * unit;
  } catch (const Error&) {
    RejectValue(text, "is not a number of bytes, like 268435456, 256M or 1.5G");
  }
  if (!(value >= 1.0 && value < 9e18)) RejectValue(text, "is out of range, expected 1 byte or more");
  return static_cast<size_t>(value);
}

void AddKvBudget(const OptionGroup& add, size_t& bytes, const std::string& by_default) {
  add("--kv-budget", bytes,
      "Bytes that the KV cache may hold, never more: 268435456, 256M, 1.5G; what does not fit waits; default: " +
          by_default,
      "BYTES", ReadByteCount);
}

void AddSpool(const OptionGroup& add, SpoolOptions& spool) {
  add("--spool", spool.directory,
      "Folder on whose disk sequences wait that --kv-budget has no room for, in a file without a name; default: memory",
      "DIR", ReadNonEmpty);
  add("--spool-after", spool.memory, "With --spool: bytes of them that stay in memory; default: 0", "BYTES",
      ReadByteCount);
}

void SetSpool(const SpoolOptions& spool, SchedulerOptions& scheduler) {
  if (!spool.directory && spool.memory > 0) RejectInput("--spool-after: says when --spool is used, which is not given");
  scheduler.spool_directory = spool.directory.value_or("");
  scheduler.set_aside_memory_bytes = spool.memory;
}

void WarnOfSpool(const SchedulerStats& stats, ToolIo& io) {
  if (stats.spool_failures > 0) ShowWarnings({stats.spool_error + "; what it should have taken is in memory"}, io);
}

void AddPromptTokens(const OptionGroup& add, int& tokens) {
  add("--prompt-tokens-per-step", tokens,
      "Prompt tokens that are read beside what is decoded; fewer: steadier streams; default: 256", "N", AtLeast(1));
}

void MakeRoomForSteps(const SchedulerOptions& scheduler, SessionOptions& session) {
  session.max_rows = std::max(
      session.max_rows, scheduler.max_running + std::max(scheduler.prompt_tokens_per_step, session.prefill_chunk));
}

}  // namespace dcp::tools
