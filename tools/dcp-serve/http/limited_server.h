// An HTTP server that reads no more of a request than it should.
#ifndef DCP_TOOLS_DCP_SERVE_HTTP_LIMITED_SERVER_H_
#define DCP_TOOLS_DCP_SERVE_HTTP_LIMITED_SERVER_H_

#include <httplib.h>

#include <cstddef>
#include <limits>

namespace dcp::tools {

// cpp-httplib of this version stops where a body is too long only when its Content-Length says so: chunks, bodies of no
// said length, the request line and header lines go on for as long as the client sends, and are held. Here the bytes
// are counted on their way. A request that goes beyond a limit is answered, and its connection closed.
class LimitedServer : public httplib::Server {
 public:
  // Bytes of the request line with all header lines, and of what follows them.
  struct Limits {
    size_t head = std::numeric_limits<size_t>::max();
    size_t body = std::numeric_limits<size_t>::max();
  };
  void SetLimits(const Limits& limits) { limits_ = limits; }

  // Whether the request that this thread is about to answer was cut off, and after its head.
  static bool CutHead();
  static bool CutBody();

 private:
  bool process_and_close_socket(socket_t socket) override;
  bool ProcessOne(socket_t socket, bool last);

  Limits limits_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_HTTP_LIMITED_SERVER_H_
