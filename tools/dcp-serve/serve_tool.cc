#include "dcp-serve/serve_tool.h"

#include <chrono>
#include <ostream>
#include <thread>

#include "common/files.h"
#include "common/json.h"
#include "common/measure.h"
#include "common/schedule_options.h"
#include "dcp-serve/engine.h"
#include "dcp-serve/http/http_server.h"

namespace dcp::tools {
namespace {

constexpr ToolText kText = {
    "dcp-serve", "Serves a GPT-2 model over HTTP: many requests at once, in a fixed number of bytes of KV cache.",
    "Examples:\n"
    "  dcp-serve --model models/books --kv-budget 256M\n"
    "  curl http://127.0.0.1:8080/v1/completions -d '{\"prompt\": \"It was\", \"max_tokens\": 20}'\n"
    "\n"
    "Endpoints: /v1/completions and /v1/models as in the OpenAI API, /tokenize, /detokenize, /health, /metrics\n"
    "(Prometheus), and a page at /. The first line of standard output, once it listens, is\n"
    "{\"listening\": \"http://127.0.0.1:8080\"}. SIGTERM and Ctrl-C let running requests end, refuse new ones, and "
    "end\n"
    "the server with status 0.\n"};

constexpr std::chrono::milliseconds kLook(50);

std::string UrlOf(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

int RunServe(const ServeOptions& options, ToolIo& io) {
  const ApiKeys keys = options.api_key_file ? ApiKeys::Load(*options.api_key_file, io) : ApiKeys();
  const std::string name = options.served_name.value_or(FolderName(options.model.model));
  Engine engine(options, io);
  HttpServer server(options, keys, name, engine);
  const int port = server.Start();
  WriteOut(io, Dump(Json{{"listening", UrlOf(options.host, port)}}));
  io.err << "dcp-serve: " << name << ", policy " << engine.policy() << ", KV budget "
         << HumanBytes(static_cast<double>(options.kv_budget)) << (keys.required() ? ", with API keys" : "") << '\n'
         << std::flush;
  while (!io.interrupted && !engine.broken()) {
    std::this_thread::sleep_for(kLook);
    if (options.spool.directory) WarnOfSpool(engine.scheduler().Stats(), io);
  }
  if (engine.broken()) throw Error(ErrorCode::kInternal, "the model's thread has ended");
  server.Drain();
  const double begin = SecondsNow();
  while (server.answering() > 0 && SecondsNow() - begin < options.drain) std::this_thread::sleep_for(kLook);
  if (server.answering() > 0) io.err << "dcp-serve: " << server.answering() << " requests did not end in time\n";
  engine.CancelAll();
  server.Stop();
  return kExitDone;
}

int ServeMain(std::span<const std::string> args, ToolIo& io) {
  ServeOptions options;
  return RunWithOptions(
      kText, args, io, [&](CLI::App& app) { AddServeOptions(app, options); }, [&] { return RunServe(options, io); });
}

}  // namespace dcp::tools
