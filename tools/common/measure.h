// Small measures that reports are made of.
#ifndef DCP_TOOLS_COMMON_MEASURE_H_
#define DCP_TOOLS_COMMON_MEASURE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace dcp::tools {

// Seconds on a clock that never jumps.
double SecondsNow();

// Largest resident set of this process so far, in bytes; 0 where the system does not tell.
int64_t PeakRssBytes();

// The value below which a share `q` (0 .. 1) of the samples lies, interpolated linearly; 0 for no samples.
double Quantile(std::vector<double> samples, double q);

// "1.50 MiB".
std::string HumanBytes(double bytes);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_MEASURE_H_
