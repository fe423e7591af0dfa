// dcp-serve over HTTP: what it answers, whom it refuses, what becomes of clients that go away.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "common/json.h"
#include "dcp-generate/generate_tool.h"
#include "dcp-serve/engine.h"
#include "dcp-serve/http/http_server.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

using std::chrono::milliseconds;

// A server over a random model of bytes, on any port.
class Server {
 public:
  explicit Server(const ServeOptions& changed, const ApiKeys& keys = {}) : options_(changed), keys_(keys) {
    options_.model.model = MakeByteModel(dir_, "bytes", ByteModelConfig(400));
    options_.model.threads = 2;
    engine_.emplace(options_, io_);
    server_.emplace(options_, keys_, name_, *engine_);
    port_ = server_->Start();
  }

  int port() const { return port_; }
  Engine& engine() { return *engine_; }
  HttpServer& http() { return *server_; }
  const std::string& model() const { return options_.model.model; }

  httplib::Result Post(const std::string& path, const std::string& body, const httplib::Headers& headers = {}) const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(60);
    return client.Post(path, headers, body, "application/json");
  }
  Json Ask(const std::string& path, const Json& body, int status = 200) const {
    const auto answer = Post(path, body.dump());
    if (!answer) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    EXPECT_EQ(answer->status, status) << answer->body;
    return Json::parse(answer->body);
  }
  Json Complete(const Json& body, int status = 200) const { return Ask("/v1/completions", body, status); }
  httplib::Result Get(const std::string& path, const httplib::Headers& headers = {}) const {
    return httplib::Client("127.0.0.1", port_).Get(path, headers);
  }

  // Waits until nothing runs.
  bool BecomesIdle() {
    for (int i = 0; i < 500; ++i) {
      const SchedulerStats stats = engine_->scheduler().Stats();
      if (stats.waiting + stats.running + stats.set_aside == 0) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

 private:
  TempDir dir_;
  ServeOptions options_;
  ApiKeys keys_;
  const std::string name_ = "bytes";
  std::istringstream in_;
  std::ostringstream out_, err_;
  const std::atomic<bool> interrupted_ = false;
  ToolIo io_{in_, out_, err_, interrupted_};
  std::optional<Engine> engine_;
  std::optional<HttpServer> server_;
  int port_ = 0;
};

ServeOptions Anywhere() {
  ServeOptions options;
  options.port = 0;
  options.kv_budget = size_t{8} << 20;
  options.connections = 64;
  return options;
}

class Serve : public testing::Test {
 protected:
  Server server_{Anywhere()};
};

// The documents of a stream.
std::vector<Json> Events(const std::string& body) {
  std::vector<Json> events;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("data: ", 0) == 0 && line != "data: [DONE]") events.push_back(Json::parse(line.substr(6)));
  }
  return events;
}

std::string TextOf(const std::vector<Json>& events, int index = 0) {
  std::string text;
  for (const Json& event : events) {
    for (const Json& choice : event["choices"]) {
      if (choice["index"] == index) text += choice["text"].get<std::string>();
    }
  }
  return text;
}

TEST_F(Serve, ACompletionIsThatOfDcpGenerate) {
  const Json answer = server_.Complete(
      {{"prompt", "the old man"}, {"max_tokens", 30}, {"temperature", 0.8}, {"seed", 5}, {"n", 3}, {"model", "any"}});
  const Json alone = Generate({"--model", server_.model(), "--prompt", "the old man", "--max-new-tokens", "30",
                               "--temperature", "0.8", "--seed", "5", "--samples", "3", "--json"})
                         .json()["sequences"];
  ASSERT_EQ(answer["choices"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answer["choices"][i]["text"], alone[i]["text"]);
    EXPECT_EQ(answer["choices"][i]["index"], i);
    EXPECT_EQ(answer["choices"][i]["finish_reason"], alone[i]["finish_reason"] == "length" ? "length" : "stop");
    EXPECT_TRUE(answer["choices"][i]["logprobs"].is_null());
  }
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "bytes");
  EXPECT_EQ(answer["id"].get<std::string>().substr(0, 5), "cmpl-");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 11);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 90);
  EXPECT_EQ(answer["usage"]["total_tokens"], 101);
}

TEST_F(Serve, PromptsAreTextsOrIdsOrListsOfThem) {
  const auto texts = [&](const Json& prompt) {
    const Json answer = server_.Complete({{"prompt", prompt}, {"max_tokens", 4}, {"temperature", 0}});
    std::vector<std::string> list;
    for (const Json& choice : answer["choices"]) list.push_back(choice["text"]);
    return list;
  };
  const auto one = texts("abc"), other = texts("xyz!");
  EXPECT_EQ(texts(Json::array({97, 98, 99})), one);
  EXPECT_EQ(texts(Json::array({"abc", "xyz!"})), (std::vector<std::string>{one[0], other[0]}));
  EXPECT_EQ(texts(Json::parse("[[97,98,99],[120,121,122,33]]")), (std::vector<std::string>{one[0], other[0]}));
  EXPECT_EQ(texts(nullptr).size(), 1u) << "begins at the end of text";
  const Json answer = server_.Complete({{"prompt", "ab"}, {"ignore_eos", true}});
  EXPECT_EQ(answer["usage"]["completion_tokens"], 16) << "OpenAI's default";
}

TEST_F(Serve, StreamsAreTheSameInPieces) {
  const Json body{{"prompt", "the old man"}, {"max_tokens", 40}, {"temperature", 0.9}, {"seed", 11}, {"n", 2}};
  const Json whole = server_.Complete(body);
  Json streamed = body;
  streamed["stream"] = true;
  streamed["stream_options"] = {{"include_usage", true}};
  const auto answer = server_.Post("/v1/completions", streamed.dump());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/event-stream");
  EXPECT_TRUE(answer->body.ends_with("data: [DONE]\n\n"));
  const auto events = Events(answer->body);
  ASSERT_GT(events.size(), 10u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(TextOf(events, i), whole["choices"][i]["text"]);
  }
  EXPECT_TRUE(events.back()["choices"].empty());
  EXPECT_EQ(events.back()["usage"], whole["usage"]);
  std::map<int, std::string> reasons;
  for (const Json& event : events) {
    for (const Json& choice : event["choices"]) {
      if (!choice["finish_reason"].is_null()) reasons[choice["index"]] = choice["finish_reason"];
    }
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(reasons[i], whole["choices"][i]["finish_reason"]);
}

TEST_F(Serve, EchoAndLogprobsAsEvaluationHarnessesAskForThem) {
  const Json answer = server_.Complete(
      {{"prompt", "abcd"}, {"max_tokens", 1}, {"temperature", 0}, {"echo", true}, {"logprobs", 2}, {"seed", 1234}});
  const Json& choice = answer["choices"][0];
  const Json& logprobs = choice["logprobs"];
  EXPECT_EQ(choice["text"].get<std::string>().substr(0, 4), "abcd");
  ASSERT_EQ(logprobs["tokens"].size(), 5u);
  EXPECT_EQ(logprobs["tokens"][1], "b");
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  EXPECT_TRUE(logprobs["top_logprobs"][0].is_null());
  EXPECT_EQ(logprobs["text_offset"], Json::parse("[0,1,2,3,4]"));
  const Json score = Generate({"--model", server_.model(), "--prompt", "a", "--score", "bcd", "--json"})
                         .json()["sequences"][0]["scores"][0]["token_logprobs"];
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(logprobs["token_logprobs"][i + 1].get<double>(), score[i].get<double>(), 1e-4);
    EXPECT_GE(logprobs["top_logprobs"][i + 1].size(), 2u);
  }
  const Json none = server_.Complete({{"prompt", "abcd"}, {"max_tokens", 0}, {"echo", true}, {"logprobs", 0}});
  EXPECT_EQ(none["choices"][0]["text"], "abcd");
  EXPECT_EQ(none["usage"]["completion_tokens"], 0);
}

TEST_F(Serve, StreamsEchoThePromptWithItsLogprobsFirst) {
  for (const int tokens : {6, 0}) {
    Json body{{"prompt", {"abcd", "the old man went"}},
              {"max_tokens", tokens},
              {"temperature", 0.7},
              {"seed", 3},
              {"echo", true},
              {"logprobs", 2},
              {"n", 2}};
    const Json whole = server_.Complete(body);
    body["stream"] = true;
    const auto answer = server_.Post("/v1/completions", body.dump());
    ASSERT_TRUE(answer);
    std::map<int, Json> joined;
    std::map<int, size_t> pieces;
    for (const Json& event : Events(answer->body)) {
      for (const Json& choice : event["choices"]) {
        const int index = choice["index"];
        if (pieces[index]++ == 0) {
          EXPECT_EQ(choice["text"], index < 2 ? "abcd" : "the old man went") << "the prompt is a chunk of its own";
        }
        if (choice["logprobs"].is_null()) continue;
        for (const auto& [field, list] : choice["logprobs"].items()) {
          Json& all = joined[index][field];
          for (const Json& value : list) all.push_back(value);
        }
      }
    }
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(TextOf(Events(answer->body), i), whole["choices"][i]["text"]);
      EXPECT_EQ(joined[i], whole["choices"][i]["logprobs"]);
    }
  }
}

TEST_F(Serve, WrongRequestsSayWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "request"},
      {"[]", "request"},
      {"\"\xff\"", "request"},
      {R"({"prompt": 5})", "prompt"},
      {R"({"prompt": [1.5]})", "prompt"},
      {R"({"prompt": [9999]})", "9999"},
      {R"({"prompt": "a", "no_such": 1})", "no_such"},
      {R"({"prompt": "a", "temperature": -1})", "temperature"},
      {R"({"prompt": "a", "temperature": "hot"})", "temperature"},
      {R"({"prompt": "a", "max_tokens": -1})", "max_tokens"},
      {R"({"prompt": "a", "n": 0})", "n"},
      {R"({"prompt": "a", "top_p": 2})", "top_p"},
      {R"({"prompt": "a", "logit_bias": {"x": 1}})", "logit_bias"},
      {R"({"prompt": "a", "stream": "yes"})", "stream"},
      {R"({"prompt": "a", "best_of": 3})", "best_of"},
      {R"({"prompt": "a", "suffix": "b"})", "suffix"},
      {R"({"prompt": "a", "dcp": {"threshold": "much"}})", "threshold"},
      {R"({"prompt": "a", "dcp": {"max_kept": -1}})", "max_kept"},
      {R"({"prompt": "a", "dcp": {"no_such": 1}})", "no_such"},
  };
  for (const auto& [body, word] : cases) {
    const auto answer = server_.Post("/v1/completions", body);
    ASSERT_TRUE(answer) << body;
    EXPECT_EQ(answer->status, 400) << body;
    const Json error = Json::parse(answer->body)["error"];
    EXPECT_EQ(error["type"], "invalid_request_error");
    EXPECT_NE(error["message"].get<std::string>().find(word), std::string::npos) << answer->body;
    EXPECT_TRUE(error.contains("param") && error.contains("code"));
  }
  const Json full = server_.Complete({{"prompt", std::string(500, 'a')}}, 400);
  EXPECT_EQ(full["error"]["code"], "context_length_exceeded");
  for (const char* path : {"/nowhere", "/../../etc/passwd", "/v1/models/x"}) {
    const auto answer = server_.Get(path);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 404) << path;
    EXPECT_TRUE(Json::parse(answer->body)["error"]["message"].is_string());
  }
}

TEST_F(Serve, SmallEndpoints) {
  EXPECT_EQ(Json::parse(server_.Get("/v1/models")->body)["data"][0]["id"], "bytes");
  EXPECT_EQ(Json::parse(server_.Get("/v1/models/bytes")->body)["object"], "model");
  EXPECT_EQ(Json::parse(server_.Get("/health")->body)["status"], "ok");
  const Json ids = server_.Ask("/tokenize", {{"content", "ab\xC3\xA9"}, {"pieces", true}});
  EXPECT_EQ(ids["tokens"], Json::parse("[97,98,195,169]"));
  EXPECT_EQ(ids["pieces"], Json::parse(R"(["a","b","","é"])"));
  EXPECT_EQ(server_.Ask("/detokenize", {{"tokens", {97, 98}}})["text"], "ab");
  server_.Ask("/detokenize", {{"tokens", {97, 9999}}}, 400);
  server_.Complete({{"prompt", "abc"}, {"max_tokens", 5}});
  const auto metrics = server_.Get("/metrics");
  EXPECT_NE(metrics->body.find("dcp_generated_tokens_total 5\n"), std::string::npos) << metrics->body;
  EXPECT_NE(metrics->body.find("dcp_time_to_first_token_seconds_count 1\n"), std::string::npos);
  EXPECT_NE(metrics->body.find("dcp_between_tokens_seconds_count 4\n"), std::string::npos);
  const auto page = server_.Get("/");
  EXPECT_NE(page->body.find("<title>"), std::string::npos);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
}

TEST_F(Serve, DropsComeWithTheTokens) {
  Json body{{"prompt", "the old man and the sea"}, {"max_tokens", 30}, {"stream", true}, {"ignore_eos", true}};
  body["dcp"] = {{"return_drops", true}};
  const auto events = Events(server_.Post("/v1/completions", body.dump())->body);
  size_t tokens = 0;
  for (const Json& event : events) {
    const Json& choice = event["choices"][0];
    if (!choice.contains("dcp")) continue;
    ++tokens;
    for (const Json& drop : choice["dcp"]["drops"]) EXPECT_EQ(drop.size(), 2u);
  }
  EXPECT_EQ(tokens, 30u);
}

// A request with a threshold or a cap of its own is that of a server that has it for all, and others do not notice.
TEST_F(Serve, ARequestCanHaveAPolicyOfItsOwn) {
  const Json body{
      {"prompt", "the old man and the sea, the sea"}, {"max_tokens", 30}, {"seed", 3}, {"ignore_eos", true}};
  const Json before = server_.Complete(body)["choices"];
  const auto expect_own = [&](const Json& dcp, const ServeOptions& options) {
    Json changed = body;
    changed["dcp"] = dcp;
    const Json own = server_.Complete(changed)["choices"];
    EXPECT_NE(own, before) << dcp << " changed nothing";
    EXPECT_EQ(own, Server(options).Complete(body)["choices"]) << dcp;
    EXPECT_EQ(server_.Complete(body)["choices"], before);
  };
  ServeOptions options = Anywhere();
  options.model.max_kept = 6;
  expect_own({{"max_kept", 6}}, options);
  options.model.threshold = 0.9f;
  expect_own({{"max_kept", 6}, {"threshold", 0.9}}, options);
  options.model.max_kept = 0;
  expect_own({{"threshold", 0.9}}, options);

  ServeOptions dense = Anywhere();
  dense.model.policy = PolicySpec{};
  const Json refused = Server(dense).Complete({{"prompt", "a"}, {"dcp", {{"threshold", 0.5}}}}, 400);
  EXPECT_NE(refused["error"]["message"].get<std::string>().find("threshold"), std::string::npos);
}

// A connection that sends what it is told, and can be left.
class RawClient {
 public:
  RawClient(int port, const std::string& text) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(send(socket_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  ~RawClient() { Leave(); }
  void Leave() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  std::string ReadSome() const {
    char buffer[4096];
    const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
    return {buffer, static_cast<size_t>(std::max<ssize_t>(0, count))};
  }

  static std::string Request(const Json& body) {
    const std::string text = body.dump();
    return "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
           text;
  }

 private:
  int socket_;
};

TEST_F(Serve, ClientsThatGoAwayFreeWhatTheyHeld) {
  for (const bool stream : {true, false}) {
    const Json body{{"prompt", "abc"}, {"max_tokens", 390}, {"stream", stream}, {"ignore_eos", true}, {"n", 16}};
    RawClient client(server_.port(), RawClient::Request(body));
    while (server_.engine().scheduler().Stats().running == 0) std::this_thread::sleep_for(milliseconds(1));
    client.Leave();
    EXPECT_TRUE(server_.BecomesIdle());
    EXPECT_EQ(server_.engine().scheduler().Stats().cancelled, stream ? 1 : 2);
  }
}

TEST_F(Serve, SmugglingIsRefusedAndEndsTheConnection) {
  const std::string body = RawClient::Request({{"prompt", "a"}});
  RawClient client(server_.port(),
                   "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                       body);
  std::string text;
  for (std::string more = client.ReadSome(); !more.empty(); more = client.ReadSome()) text += more;
  EXPECT_NE(text.find("400"), std::string::npos);
  EXPECT_EQ(text.find("200 OK"), std::string::npos) << text;
}

TEST(ServeLimits, QueuesBodiesAndDeadlines) {
  ServeOptions options = Anywhere();
  options.max_running = 1;
  options.queue = 1;
  options.max_body = 1000;
  options.deadline = 5;
  Server server(options);
  const auto large = server.Post("/v1/completions", std::string(5000, ' '));
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  EXPECT_TRUE(Json::parse(large->body)["error"]["message"].is_string());
  std::vector<std::unique_ptr<RawClient>> clients;
  const Json body{{"prompt", "abc"}, {"max_tokens", 390}, {"stream", true}, {"ignore_eos", true}};
  int refused = 0;
  for (int i = 0; i < 12; ++i) clients.push_back(std::make_unique<RawClient>(server.port(), RawClient::Request(body)));
  for (const auto& client : clients) {
    const std::string head = client->ReadSome();
    if (head.find(" 429 ") == std::string::npos) continue;
    ++refused;
    EXPECT_NE(head.find("Retry-After: "), std::string::npos) << head;
  }
  EXPECT_GT(refused, 0);
  clients.clear();
  EXPECT_TRUE(server.BecomesIdle());
}

TEST(ServeLimits, KeysAreAskedFor) {
  TempDir dir;
  reference::WriteText(dir / "keys", "# mine\nfirst-key\n second-key \n");
  std::istringstream in;
  std::ostringstream out, err;
  const std::atomic<bool> interrupted = false;
  ToolIo io{in, out, err, interrupted};
  Server server(Anywhere(), ApiKeys::Load(dir / "keys", io));
  for (const char* key : {"first-key", "second-key"}) {
    EXPECT_EQ(server.Get("/v1/models", {{"Authorization", std::string("Bearer ") + key}})->status, 200);
  }
  for (const char* value :
       {"", "Bearer ", "Bearer first", "Bearer first-keyfirst-key", "Basic first-key", "first-key"}) {
    const auto answer = server.Get("/v1/models", {{"Authorization", value}});
    EXPECT_EQ(answer->status, 401) << value;
    EXPECT_EQ(Json::parse(answer->body)["error"]["code"], "invalid_api_key");
  }
  EXPECT_EQ(server.Get("/metrics")->status, 401);
  EXPECT_EQ(server.Get("/health")->status, 200);
  EXPECT_EQ(server.Get("/")->status, 200);
  reference::WriteText(dir / "none", "\n# nothing\n");
  EXPECT_THROW(ApiKeys::Load(dir / "none", io), Error);
}

TEST(ServeLimits, APortIsListenedAtOnce) {
  Server server(Anywhere());
  ServeOptions same = Anywhere();
  same.port = server.port();
  try {
    Server other(same);
    ADD_FAILURE() << "two servers listen at port " << same.port;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(same.port)), std::string::npos) << error.what();
  }
}

TEST(ServeLimits, DrainingRefusesNewRequestsAndEndsTheOthers) {
  Server server(Anywhere());
  const Json body{{"prompt", "abc"}, {"max_tokens", 200}, {"ignore_eos", true}};
  std::thread running([&] {
    const Json answer = server.Complete(body);
    EXPECT_EQ(answer["usage"]["completion_tokens"], 200);
  });
  while (server.http().answering() == 0) std::this_thread::sleep_for(milliseconds(1));
  server.http().Drain();
  const auto refused = server.Post("/v1/completions", body.dump());
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(server.Get("/health")->status, 503);
  running.join();
  EXPECT_TRUE(server.BecomesIdle());
}

TEST_F(Serve, ManyClientsGetWhatEachGetsAlone) {
  constexpr int kClients = 24;
  std::vector<std::thread> clients;
  std::vector<std::string> alone(kClients), wrong(kClients);
  const auto body = [](int c) {
    return Json{{"prompt", Letters(30 + static_cast<size_t>(c) % 5, static_cast<uint32_t>(c) + 1)},
                {"max_tokens", 40},
                {"seed", c},
                {"ignore_eos", true}};
  };
  for (int c = 0; c < kClients; ++c) alone[c] = server_.Complete(body(c))["choices"][0]["text"];
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      Json asked = body(c);
      asked["stream"] = c % 2 == 0;
      const auto answer = server_.Post("/v1/completions", asked.dump());
      if (!answer || answer->status != 200) {
        wrong[c] = answer ? answer->body : "no answer: " + httplib::to_string(answer.error());
        return;
      }
      const std::string text = c % 2 == 0 ? TextOf(Events(answer->body))
                                          : Json::parse(answer->body)["choices"][0]["text"].get<std::string>();
      if (text != alone[c]) wrong[c] = "not the same: " + answer->body;
    });
  }
  for (std::thread& client : clients) client.join();
  for (const std::string& what : wrong) EXPECT_EQ(what, "");
}

}  // namespace
}  // namespace dcp::tools
