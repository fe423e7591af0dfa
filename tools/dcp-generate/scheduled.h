// Requests of dcp-generate under a budget of memory.
#ifndef DCP_TOOLS_DCP_GENERATE_SCHEDULED_H_
#define DCP_TOOLS_DCP_GENERATE_SCHEDULED_H_

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "common/tool.h"
#include "dcp-generate/options.h"
#include "dcp-generate/prompts.h"
#include "dcp/scheduler.h"

namespace dcp::tools {

// Sequences together where --max-batch says nothing.
inline constexpr int kScheduledBatch = 64;

SchedulerOptions MakeSchedulerOptions(const GenerateToolOptions& options);

struct ScheduledCallbacks {
  std::function<void(size_t request, const GeneratedToken& token)> on_token;
  std::function<void(size_t request, std::vector<GeneratedSequence> sequences)> on_done;
  std::function<void()> on_step;  // between steps; may be empty
};

// Runs those of the requests whose number is in `which`, in this order, a few of them waiting at a time, until all are
// done or Ctrl-C came; then nobody is told of what is unfinished. Returns what the scheduler counted. What a callback
// throws ends the run and passes through.
SchedulerStats RunScheduled(const SchedulerOptions& options, Session& session, const std::vector<ToolRequest>& requests,
                            std::span<const size_t> which, const Tokenizer* tokenizer,
                            const ScheduledCallbacks& callbacks, ToolIo& io);

// The same as Generate gives it. The steps of a scheduler read and decode at once: their time counts as decode's.
GenerateResult GenerateScheduled(const SchedulerOptions& options, Session& session,
                                 const std::vector<ToolRequest>& requests, const Tokenizer* tokenizer,
                                 const TokenCallback& on_token, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_SCHEDULED_H_
