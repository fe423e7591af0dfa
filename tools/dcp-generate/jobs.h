// dcp-generate --output: a long queue of requests whose results are kept as they come.
#ifndef DCP_TOOLS_DCP_GENERATE_JOBS_H_
#define DCP_TOOLS_DCP_GENERATE_JOBS_H_

#include <vector>

#include "common/tool.h"
#include "dcp-generate/options.h"
#include "dcp-generate/prompts.h"
#include "dcp-generate/report.h"
#include "dcp/session.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

// Appends a line for each sequence to the file of --output as soon as its request is done, those of a request at once:
// {"index": the request's place in the input, ..} with the fields of --json but "kept". A crash loses what was
// unfinished. With --resume what the file holds is not run again. Returns the exit status; throws dcp::Error for a file
// that is there already, cannot be written, or is that of another input.
int RunJobs(const GenerateToolOptions& options, const ReportContext& context, Session& session, ToolIo& io);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_GENERATE_JOBS_H_
