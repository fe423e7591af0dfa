// The results in writing: a JSON document, CSV, and a table.
#ifndef DCP_TOOLS_DCP_BENCH_REPORT_REPORT_H_
#define DCP_TOOLS_DCP_BENCH_REPORT_REPORT_H_

#include <string>

#include "common/json.h"
#include "dcp-bench/result.h"

namespace dcp::tools {

// {"machine": {..}, "model": {..}, ..., "rows": [{..}], "growth": [{..}]}
Json RunDocument(const BenchRun& run);

// The rows as CSV with a header line; the names are those of the JSON document.
std::string RunCsv(const BenchRun& run);

// A few lines about the machine, the rows in columns, and how steps grow where the rows tell.
std::string RunTable(const BenchRun& run);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_BENCH_REPORT_REPORT_H_
