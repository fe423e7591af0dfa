#include "dcp-serve/http/http_server.h"

#include <httplib.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "common/format.h"
#include "dcp-serve/api/api_error.h"
#include "dcp-serve/completion.h"
#include "dcp-serve/http/client_socket.h"
#include "dcp-serve/http/limited_server.h"
#include "dcp-serve/http/text_endpoints.h"
#include "dcp-serve/metrics.h"
#include "dcp-serve/page/serve_page.h"

namespace dcp::tools {
namespace {

using std::chrono::milliseconds;

// How often a waiting request looks whether its client is still there.
constexpr milliseconds kLook(20);

// Bytes of a request line with all its header lines.
constexpr size_t kMaxHead = size_t{32} << 10;

constexpr char kJson[] = "application/json";

void Answer(httplib::Response& response, const Json& document, int status = 200) {
  response.status = status;
  response.set_content(Dump(document), kJson);
}

int64_t SecondsSince1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string DrawId() {
  std::random_device device;
  return Format("cmpl-%08x%08x%08x", device(), device(), device());
}

// Counts as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int>& count_;
};

// Lengths that two readers could take for different ones.
bool HasAmbiguousLength(const httplib::Request& request) {
  const size_t lengths = request.get_header_value_count("Content-Length");
  const size_t encodings = request.get_header_value_count("Transfer-Encoding");
  return lengths + encodings > 1;
}

}  // namespace

struct HttpServer::Impl {
  Impl(const ServeOptions& options_in, const ApiKeys& keys_in, const std::string& model_in, Engine& engine_in)
      : options(options_in), keys(keys_in), model(model_in), engine(engine_in) {
    page = ServePage(model, engine, keys.required());
    SetLimits();
    SetRoutes();
  }

  using Handler = void (Impl::*)(const httplib::Request&, httplib::Response&);

  // What every endpoint does with its errors, and who may ask it.
  httplib::Server::Handler Guarded(Handler handler, bool open = false) {
    return [this, handler, open](const httplib::Request& request, httplib::Response& response) {
      try {
        if (!open && !keys.Allows(request.get_header_value("Authorization"))) {
          response.set_header("WWW-Authenticate", "Bearer");
          throw ApiError(401, "the API key is missing or wrong: send Authorization: Bearer KEY", "invalid_api_key");
        }
        (this->*handler)(request, response);
      } catch (const ApiError& error) {
        if (error.status() == 429 || error.status() == 503) response.set_header("Retry-After", RetryAfter());
        Answer(response, ErrorDocument(error.status(), error.what(), error.code()), error.status());
      } catch (const std::exception& error) {
        Answer(response, ErrorDocument(500, error.what()), 500);
      }
    };
  }

  // Seconds until a place in the queue may be free, as the last requests went.
  std::string RetryAfter() const {
    const SchedulerStats stats = engine.scheduler().Stats();
    const int64_t done = std::max<int64_t>(1, stats.finished);
    const double each = stats.busy_seconds / static_cast<double>(done);
    return std::to_string(static_cast<int>(std::clamp(std::ceil(4 * each), 1.0, 60.0)));
  }

  void SetLimits() {
    server.new_task_queue = [this] { return new httplib::ThreadPool(static_cast<size_t>(options.connections)); };
    server.set_payload_max_length(options.max_body);
    server.SetLimits({kMaxHead, options.max_body + kMaxHead});  // lengths of chunks are part of a body
    server.set_read_timeout(options.read_timeout);
    server.set_write_timeout(options.write_timeout);
    server.set_keep_alive_max_count(1000);
    server.set_tcp_nodelay(true);
    // Not cpp-httplib's own: it lets several servers listen at one port.
    server.set_socket_options([this](socket_t socket) {
      listening = socket;
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      if (!HasAmbiguousLength(request)) return httplib::Server::HandlerResponse::Unhandled;
      Answer(response, ErrorDocument(400, "more than one Content-Length or Transfer-Encoding"), 400);
      return httplib::Server::HandlerResponse::Handled;
    });
    // Called when the answer is on its way: what follows on such a connection is anybody's guess.
    server.set_logger([](const httplib::Request& request, const httplib::Response&) {
      if (HasAmbiguousLength(request)) ClientSocket(request.remote_addr, request.remote_port).StopReading();
    });
    server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (!response.body.empty()) return;
      if (LimitedServer::CutBody()) response.status = 413;
      if (LimitedServer::CutHead()) response.status = 431;
      std::string message = "the request cannot be answered";
      if (response.status == 400) message = "this is no request of HTTP/1.1";
      if (response.status == 404) message = request.method + " " + request.path + ": there is no such endpoint";
      if (response.status == 413) message = "the body is larger than this server takes";
      if (response.status == 431) message = "the header lines are longer than this server takes";
      Answer(response, ErrorDocument(response.status, message), response.status);
    });
  }

  void SetRoutes() {
    server.Post("/v1/completions", Guarded(&Impl::Complete));
    server.Get("/v1/models", Guarded(&Impl::ListModels));
    server.Get(R"(/v1/models/(.+))", Guarded(&Impl::ShowModel));
    server.Post("/tokenize", Guarded(&Impl::Tokenize));
    server.Post("/detokenize", Guarded(&Impl::Detokenize));
    server.Get("/metrics", Guarded(&Impl::ShowMetrics));
    server.Get("/health", Guarded(&Impl::ShowHealth, true));
    server.Get("/", Guarded(&Impl::ShowPage, true));
  }

  void Complete(const httplib::Request& request, httplib::Response& response) {
    if (draining) throw ApiError(503, "the server is shutting down", "shutting_down");
    const auto counted = std::make_shared<Counted>(answering);
    const CompletionContext context{engine.model(), engine.tokenizer(), options.special, engine.policy_spec()};
    CompletionRequest asked = ReadCompletionRequest(request.body, context);
    const bool stream = asked.stream;
    const auto completion =
        std::make_shared<Completion>(std::move(asked), CompletionHead{DrawId(), SecondsSince1970(), model}, engine);
    const ClientSocket client(request.remote_addr, request.remote_port);
    completion->Start(options.deadline);
    if (stream) return Stream(completion, counted, client, response);
    while (!completion->over()) {
      if (!completion->Wait(kLook) && client.Gone()) return;  // nobody reads the answer; its requests end with it
    }
    Answer(response, completion->Document());
  }

  static void Stream(const std::shared_ptr<Completion>& completion, const std::shared_ptr<Counted>& counted,
                     ClientSocket client, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Accel-Buffering", "no");  // nginx would hold it back
    response.set_chunked_content_provider(
        "text/event-stream",
        [completion, client](size_t, httplib::DataSink& sink) {
          completion->Wait(kLook);
          const std::string events = completion->TakeEvents();
          if (client.Gone() || (!events.empty() && !sink.write(events.data(), events.size()))) {
            completion->Abandon();
            return false;
          }
          if (completion->over()) sink.done();
          return true;
        },
        [completion, counted](bool) { completion->Abandon(); });
  }

  Json ModelEntry() const {
    return Json{{"id", model},
                {"object", "model"},
                {"created", started},
                {"owned_by", "dcp"},
                {"max_model_len", engine.model().config().n_positions}};
  }
  void ListModels(const httplib::Request&, httplib::Response& response) {
    Answer(response, Json{{"object", "list"}, {"data", Json::array({ModelEntry()})}});
  }
  void ShowModel(const httplib::Request& request, httplib::Response& response) {
    const std::string name = request.matches[1];
    if (name != model) throw ApiError(404, "there is no model " + Quoted(name) + ", only " + Quoted(model));
    Answer(response, ModelEntry());
  }
  void Tokenize(const httplib::Request& request, httplib::Response& response) {
    Answer(response, TokenizeText(request.body, engine));
  }
  void Detokenize(const httplib::Request& request, httplib::Response& response) {
    Answer(response, DetokenizeIds(request.body, engine));
  }
  void ShowMetrics(const httplib::Request&, httplib::Response& response) {
    response.set_content(MetricsText(engine.scheduler().Stats(), engine.model().config().n_layer),
                         "text/plain; version=0.0.4; charset=utf-8");
  }
  void ShowHealth(const httplib::Request&, httplib::Response& response) {
    if (engine.broken()) throw ApiError(500, "the model's thread has ended");
    Answer(response, Json{{"status", draining ? "draining" : "ok"}}, draining ? 503 : 200);
  }
  void ShowPage(const httplib::Request&, httplib::Response& response) {
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_content(page, "text/html; charset=utf-8");
  }

  const ServeOptions& options;
  const ApiKeys& keys;
  const std::string& model;
  Engine& engine;
  std::string page;
  const int64_t started = SecondsSince1970();
  std::atomic<bool> draining = false;
  std::atomic<int> answering = 0;
  LimitedServer server;
  socket_t listening = INVALID_SOCKET;
  std::thread listener;
};

HttpServer::HttpServer(const ServeOptions& options, const ApiKeys& keys, const std::string& model, Engine& engine)
    : impl_(std::make_unique<Impl>(options, keys, model, engine)) {}

HttpServer::~HttpServer() { Stop(); }

int HttpServer::Start() {
  const ServeOptions& options = impl_->options;
  errno = 0;
  int port = options.port;
  const bool bound = port == 0 ? (port = impl_->server.bind_to_any_port(options.host)) > 0
                               : impl_->server.bind_to_port(options.host, port);
  if (!bound) {
    const std::string why = errno != 0 ? std::system_category().message(errno) : "the address cannot be used";
    throw Error(ErrorCode::kIo,
                "cannot listen at " + options.host + " port " + std::to_string(options.port) + ": " + why);
  }
  // cpp-httplib has room for five that are about to connect; of more, some would lose their connection.
  listen(impl_->listening, SOMAXCONN);
  impl_->listener = std::thread([this] { impl_->server.listen_after_bind(); });
  // Before it runs, stop() would be lost on it.
  for (int i = 0; i < 5000 && !impl_->server.is_running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return port;
}

void HttpServer::Drain() { impl_->draining = true; }
int HttpServer::answering() const { return impl_->answering; }

void HttpServer::Stop() {
  if (!impl_->listener.joinable()) return;
  impl_->server.stop();
  impl_->listener.join();
}

}  // namespace dcp::tools
