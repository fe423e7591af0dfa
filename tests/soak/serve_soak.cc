#include "tests/soak/serve_soak.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ostream>
#include <thread>
#include <vector>

#include "common/format.h"
#include "common/json.h"
#include "common/measure.h"
#include "tests/soak/memory_watch.h"
#include "tests/soak/served_process.h"
#include "tests/soak/served_requests.h"
#include "tests/soak/violations.h"

namespace dcp::soak {
namespace {

using std::chrono::milliseconds;
using tools::Json;

constexpr size_t kKinds = 300;
constexpr long long kBudget = 8 << 20;

struct Counts {
  std::atomic<int64_t> whole = 0, streamed = 0, left = 0, refused = 0, rubbish = 0, wrong = 0, others = 0;
};

// The text of each choice, of the events of a stream.
std::vector<std::string> TextsOf(const std::string& events, size_t choices) {
  std::vector<std::string> texts(choices);
  std::istringstream lines(events);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("data: {", 0) != 0) continue;
    for (const Json& choice : Json::parse(line.substr(6)).value("choices", Json::array())) {
      texts.at(choice["index"].get<size_t>()) += choice["text"].get<std::string>();
    }
  }
  return texts;
}

// The value of a metric; -1: there is none.
double MetricOf(const std::string& page, const std::string& name) {
  const size_t at = page.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::atof(page.c_str() + at + name.size() + 2);
}

// A connection that follows no protocol.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Send(const std::string& bytes) const { (void)send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // The connection is torn down when it closes, not ended.
  void Reset() const {
    const linger at_once = {1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  void ReadSome() const {
    const timeval patience = {0, 200000};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char bytes[1024];
    (void)recv(socket_, bytes, sizeof bytes, 0);
  }

 private:
  int socket_;
};

// One client: asks this and that until it is told to stop.
class Client {
 public:
  Client(int port, uint64_t seed, ServedRequests& requests, Counts& counts, Violations& violations)
      : port_(port), draw_(seed), requests_(requests), counts_(counts), violations_(violations) {}

  void Run(const std::atomic<bool>& stop) {
    while (!stop) {
      const int what = draw_.Below(20);
      if (what < 8) {
        Ask();
      } else if (what < 13) {
        Stream(draw_.OneIn(6) ? milliseconds(5) : milliseconds(0));
      } else if (what < 16) {
        Leave();
      } else if (what < 17) {
        SendRubbish();
      } else if (what < 18) {
        AskWrongly();
      } else {
        AskOthers();
      }
    }
  }

 private:
  httplib::Client Connect() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(120);
    return client;
  }

  size_t Kind() { return static_cast<size_t>(draw_.Below(static_cast<int>(requests_.kinds()))); }

  void Compare(size_t kind, const std::vector<std::string>& texts, const char* how) {
    if (texts == requests_.Alone(kind)) return;
    violations_.Add(std::string(how) + ": " + tools::Dump(texts) + ", alone " + tools::Dump(requests_.Alone(kind)) +
                    ": " + requests_.Body(kind).dump());
  }

  // Whether the answer is one to look at; a full queue is none.
  bool Answered(const httplib::Result& answer, const char* how) {
    if (!answer) {
      violations_.Add(std::string(how) + ": no answer: " + httplib::to_string(answer.error()));
    } else if (answer->status == 429) {
      ++counts_.refused;
    } else if (answer->status != 200) {
      violations_.Add(std::string(how) + ": " + std::to_string(answer->status) + " " + answer->body);
    } else {
      return true;
    }
    return false;
  }

  void Ask() {
    const size_t kind = Kind();
    const auto answer = Connect().Post("/v1/completions", requests_.Body(kind).dump(), "application/json");
    if (!Answered(answer, "completion")) return;
    std::vector<std::string> texts;
    const Json document = Json::parse(answer->body);
    for (const Json& choice : document["choices"]) texts.push_back(choice["text"].get<std::string>());
    Compare(kind, texts, "completion");
    ++counts_.whole;
  }

  void Stream(milliseconds pause) {
    const size_t kind = Kind();
    Json body = requests_.Body(kind);
    body["stream"] = true;
    std::string events;
    httplib::Request request;
    request.method = "POST";
    request.path = "/v1/completions";
    request.body = body.dump();
    request.set_header("Content-Type", "application/json");
    request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t) {
      events.append(bytes, size);
      std::this_thread::sleep_for(pause);
      return true;
    };
    if (!Answered(Connect().send(request), "stream")) return;
    if (events.find("data: [DONE]\n\n") == std::string::npos) {
      return violations_.Add("a stream without an end: " +
                             events.substr(events.size() - std::min<size_t>(200, events.size())));
    }
    Compare(kind, TextsOf(events, requests_.Alone(kind).size()), "stream");
    ++counts_.streamed;
  }

  void Leave() {
    Json body = requests_.Body(Kind());
    body["stream"] = draw_.OneIn(2);
    body["max_tokens"] = 300;
    const std::string text = body.dump();
    const RawClient client(port_);
    client.Send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(text.size()) + "\r\n\r\n" + text);
    if (draw_.OneIn(2)) client.ReadSome();
    std::this_thread::sleep_for(milliseconds(draw_.Below(60)));
    if (draw_.OneIn(2)) client.Reset();
    ++counts_.left;
  }

  void SendRubbish() {
    const RawClient client(port_);
    std::string bytes;
    switch (draw_.Below(4)) {
      case 0:  // nothing at all
        break;
      case 1:
        for (int i = draw_.Below(3000); i > 0; --i) bytes += static_cast<char>(draw_.Below(256));
        break;
      case 2:
        bytes = "POST /v1/completions HTTP/1.1\r\nContent-Length: 99999\r\n\r\n{\"prompt\": \"a";
        break;
      default:
        bytes = "GET /" + std::string(static_cast<size_t>(draw_.Below(20000)), 'x') + " HTTP/1.1\r\n\r\n";
        break;
    }
    client.Send(bytes);
    if (draw_.OneIn(2)) client.ReadSome();
    if (draw_.OneIn(3)) client.Reset();
    ++counts_.rubbish;
  }

  void AskWrongly() {
    static constexpr const char* kBodies[] = {"",
                                              "{",
                                              "[]",
                                              "{\"prompt\": 1.5}",
                                              R"({"prompt": "a", "temperature": -1})",
                                              R"({"prompt": "a", "unknown": 1})",
                                              R"({"prompt": [99999999]})",
                                              R"({"prompt": "a", "max_tokens": 1000000000000})",
                                              R"({"prompt": "a", "n": 1e9})",
                                              R"({"prompt": "\ud800"})"};
    const auto answer = Connect().Post("/v1/completions", kBodies[draw_.Below(static_cast<int>(std::size(kBodies)))],
                                       "application/json");
    ++counts_.wrong;
    if (answer && answer->status >= 400 && answer->status < 500 && Json::parse(answer->body).contains("error")) return;
    violations_.Add("a wrong request was answered " + (answer ? std::to_string(answer->status) + answer->body : "not"));
  }

  void AskOthers() {
    ++counts_.others;
    const auto page = Connect().Get("/metrics");
    if (Answered(page, "metrics") && MetricOf(page->body, "dcp_kv_reserved_peak_bytes") > kBudget) {
      violations_.Add("the budget was passed");
    }
    const Json asked = {{"content", "Fine day, “she” said"}};
    const auto ids = Connect().Post("/tokenize", asked.dump(), "application/json");
    if (!Answered(ids, "tokenize")) return;
    const Json back = {{"tokens", Json::parse(ids->body)["tokens"]}};
    const auto text = Connect().Post("/detokenize", back.dump(), "application/json");
    if (Answered(text, "detokenize") && Json::parse(text->body)["content"] != asked["content"]) {
      violations_.Add("detokenize: " + text->body);
    }
  }

  int port_;
  Draw draw_;
  ServedRequests& requests_;
  Counts& counts_;
  Violations& violations_;
};

// What has to be gone once everybody has: requests, and their connections.
void CheckIdle(const ServedProcess& server, size_t files_before, Violations& violations) {
  httplib::Client client("127.0.0.1", server.port());
  double left = -1;
  size_t files = 0;
  for (int i = 0; i < 300; ++i) {
    const auto page = client.Get("/metrics");
    client.stop();
    files = server.OpenFiles();
    if (page) {
      left = 0;
      for (const char* name : {"dcp_requests_waiting", "dcp_requests_running", "dcp_requests_set_aside",
                               "dcp_sequences_running", "dcp_kv_set_aside_bytes"}) {
        left += MetricOf(page->body, name);
      }
    }
    if (left == 0 && files <= files_before + 1) return;
    std::this_thread::sleep_for(milliseconds(50));
  }
  violations.Add("when all had gone, " + tools::Format("%g", left) +
                 " were left of requests, sequences and bytes, and " + std::to_string(files) + " open files, " +
                 std::to_string(files_before) + " at the beginning");
}

}  // namespace

int RunServeSoak(const ServeSoakOptions& options, tools::ToolIo& io) {
  Violations violations;
  Counts counts;
  ServedRequests requests(options.model, options.seed, kKinds);
  ServedProcess server(options.program,
                       {"--model", options.model, "--port", "0", "--kv-budget", std::to_string(kBudget), "--queue",
                        "40", "--read-timeout", "2", "--write-timeout", "5"});
  const size_t files_before = server.OpenFiles();
  const double begin = tools::SecondsNow();
  std::vector<MemorySample> samples;
  {
    const MemoryWatch watch(server.pid(), options.csv, std::max(0.1, options.seconds / 600));
    std::atomic<bool> stop = false;
    std::vector<std::jthread> clients;
    for (int i = 0; i < options.clients; ++i) {
      clients.emplace_back([&, seed = options.seed * 7919 + static_cast<uint64_t>(i)] {
        try {
          Client(server.port(), seed, requests, counts, violations).Run(stop);
        } catch (const std::exception& error) {
          violations.Add(std::string("a client ended: ") + error.what());
        }
      });
    }
    while (!io.interrupted && tools::SecondsNow() - begin < options.seconds)
      std::this_thread::sleep_for(milliseconds(20));
    stop = true;
    clients.clear();
    samples = watch.Samples();
  }
  CheckIdle(server, files_before, violations);
  if (const auto growth = Growth(samples)) violations.Add(*growth);
  if (const int status = server.Terminate(); status != 0) violations.Add("exit status " + std::to_string(status));
  int64_t peak = 0;
  for (const MemorySample& sample : samples) peak = std::max(peak, sample.bytes);
  io.out << tools::Format(
      "serve: %.0f s, %d clients: %lld answers and %lld streams as alone, %lld left in the middle, %lld full queues, "
      "%lld "
      "wrong requests, %lld times rubbish, %lld others; resident at most %s; %zu violations\n",
      tools::SecondsNow() - begin, options.clients, static_cast<long long>(counts.whole),
      static_cast<long long>(counts.streamed), static_cast<long long>(counts.left),
      static_cast<long long>(counts.refused), static_cast<long long>(counts.wrong),
      static_cast<long long>(counts.rubbish), static_cast<long long>(counts.others),
      tools::HumanBytes(static_cast<double>(peak)).c_str(), violations.count());
  if (io.interrupted) return tools::kExitInterrupted;
  return violations.count() > 0 ? tools::kExitFailure : tools::kExitDone;
}

}  // namespace dcp::soak
