// The endpoints of dcp-serve.
#ifndef DCP_TOOLS_DCP_SERVE_HTTP_HTTP_SERVER_H_
#define DCP_TOOLS_DCP_SERVE_HTTP_HTTP_SERVER_H_

#include <memory>
#include <string>

#include "dcp-serve/engine.h"
#include "dcp-serve/http/api_keys.h"
#include "dcp-serve/options.h"

namespace dcp::tools {

class HttpServer {
 public:
  // `model`: its name in answers. All must outlive the server.
  HttpServer(const ServeOptions& options, const ApiKeys& keys, const std::string& model, Engine& engine);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens, on threads of its own. Returns the port. Throws dcp::Error(kIo) where that cannot be.
  int Start();

  // From now on new requests for text are refused with 503.
  void Drain();
  // Requests for text that are being answered.
  int answering() const;

  // Ends everything.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_HTTP_HTTP_SERVER_H_
