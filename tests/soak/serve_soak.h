// The real dcp-serve on loopback, and clients of all manners.
#ifndef DCP_TESTS_SOAK_SERVE_SOAK_H_
#define DCP_TESTS_SOAK_SERVE_SOAK_H_

#include <cstdint>
#include <string>

#include "common/tool.h"

namespace dcp::soak {

struct ServeSoakOptions {
  std::string program;
  std::string model;
  double seconds = 60;
  uint64_t seed = 1;
  int clients = 24;
  std::string csv;  // the server's resident memory over time; empty: nowhere
};

// Clients that ask, stream, leave in the middle, read slowly, and send rubbish; every answer is compared with the same
// request run alone by Generate in this process. Returns 0, or 1 after a violation; 130 when interrupted.
int RunServeSoak(const ServeSoakOptions& options, tools::ToolIo& io);

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_SERVE_SOAK_H_
