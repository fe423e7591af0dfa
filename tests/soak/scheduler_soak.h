// A scheduler under random load, from several threads.
#ifndef DCP_TESTS_SOAK_SCHEDULER_SOAK_H_
#define DCP_TESTS_SOAK_SCHEDULER_SOAK_H_

#include <cstdint>
#include <string>

#include "common/tool.h"

namespace dcp::soak {

struct SchedulerSoakOptions {
  double seconds = 60;
  uint64_t seed = 1;
  int requests = 600;  // of a round
  std::string model;   // empty: a random one of two layers, another in every round
  std::string csv;     // resident memory over time; empty: nowhere
};

// Rounds of a session, a scheduler and three threads that submit and cancel, all settings drawn anew; every sequence is
// compared with the same request run alone. Returns 0, or 1 after a violation; 130 when interrupted.
int RunSchedulerSoak(const SchedulerSoakOptions& options, tools::ToolIo& io);

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_SCHEDULER_SOAK_H_
