// What Prometheus is told.
#ifndef DCP_TOOLS_DCP_SERVE_METRICS_H_
#define DCP_TOOLS_DCP_SERVE_METRICS_H_

#include <string>

#include "dcp/scheduler.h"

namespace dcp::tools {

// In the text format 0.0.4.
std::string MetricsText(const SchedulerStats& stats, int layers);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_METRICS_H_
