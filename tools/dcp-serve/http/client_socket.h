// The connection that a request came by, to see whether its client is still there.
#ifndef DCP_TOOLS_DCP_SERVE_HTTP_CLIENT_SOCKET_H_
#define DCP_TOOLS_DCP_SERVE_HTTP_CLIENT_SOCKET_H_

#include <string>

namespace dcp::tools {

// cpp-httplib does not tell which socket a request came by; it is found among those of the process by the address and
// port of its other end. Valid while the request is answered.
class ClientSocket {
 public:
  ClientSocket(const std::string& address, int port);

  // The other end has closed it, or shut down its own half. False where the socket was not found.
  bool Gone() const;

  // Nothing more is read from it: the connection ends with the answer.
  void StopReading() const;

 private:
  int socket_ = -1;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_HTTP_CLIENT_SOCKET_H_
