// What a client may send before dcp-serve stops listening to it.
#include "dcp-serve/http/limited_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace dcp::tools {
namespace {

class LimitedServerTest : public testing::Test {
 protected:
  LimitedServerTest() {
    server_.SetLimits({4000, 9000});
    server_.set_payload_max_length(8000);
    server_.set_read_timeout(2);
    server_.set_keep_alive_timeout(1);
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (LimitedServer::CutBody()) response.status = 413;
      if (LimitedServer::CutHead()) response.status = 431;
    });
    server_.Post("/length", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(std::to_string(request.body.size()), "text/plain");
    });
    server_.Get("/page", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(1000, 'p'), "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    listener_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~LimitedServerTest() override {
    server_.stop();
    listener_.join();
  }

  // Sends all of it, or what the server takes, and returns what it answers until it closes the connection.
  std::string Ask(const std::string& bytes, const std::string& repeated = "", int times = 0) const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    for (int i = 0; i < times; ++i) {
      if (send(socket, repeated.data(), repeated.size(), MSG_NOSIGNAL) < 0) break;
    }
    std::string answer;
    char block[4096];
    for (ssize_t count = 0; (count = recv(socket, block, sizeof block, 0)) > 0;) {
      answer.append(block, static_cast<size_t>(count));
    }
    close(socket);
    return answer;
  }

  static std::string Status(const std::string& answer) { return answer.substr(0, answer.find('\r')); }

  LimitedServer server_;
  int port_ = 0;
  std::thread listener_;
};

constexpr char kPost[] = "POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

TEST_F(LimitedServerTest, WhatFitsIsAnswered) {
  const std::string body(8000, 'b');
  EXPECT_NE(Ask(kPost + ("Content-Length: 8000\r\n\r\n" + body)).find("\r\n\r\n8000"), std::string::npos);
  EXPECT_NE(Ask(kPost + ("Transfer-Encoding: chunked\r\n\r\n1f40\r\n" + body + "\r\n0\r\n\r\n")).find("\r\n\r\n8000"),
            std::string::npos);
  const std::string twice = "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
  EXPECT_NE(Ask(twice).find("200 OK"), std::string::npos) << "the connection is kept and given up later";
}

TEST_F(LimitedServerTest, BodiesWithoutALengthEndAtTheLimit) {
  const std::string chunk = "200\r\n" + std::string(512, 'c') + "\r\n";
  EXPECT_EQ(Status(Ask(std::string(kPost) + "Transfer-Encoding: chunked\r\n\r\n", chunk, 20000)),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(Status(Ask(std::string(kPost) + "\r\n", chunk, 20000)), "HTTP/1.1 413 Payload Too Large");
}

TEST_F(LimitedServerTest, HeaderLinesEndAtTheLimit) {
  EXPECT_EQ(Status(Ask("GET /page HTTP/1.1\r\n", "X: y\r\n", 100000)), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(Status(Ask("GET /page HTTP/1.1\r\nX: ", std::string(1000, 'y'), 1000)),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(Ask("GET /", std::string(1000, 'y'), 1000), "") << "a request without an end has no answer";
}

// Of some page 3000 times; of an answer in JSON the first four bytes.
TEST_F(LimitedServerTest, PartsOfAnswersAreNotGiven) {
  std::string ranges = "0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  const std::string page = Ask("GET /page HTTP/1.1\r\nConnection: close\r\nRange: bytes=" + ranges + "\r\n\r\n");
  EXPECT_EQ(Status(page), "HTTP/1.1 200 OK");
  EXPECT_LT(page.size(), 2000u);
  const std::string answer =
      Ask(std::string(kPost) + "Range: bytes=0-0\r\nContent-Length: 12\r\n\r\n" + "abcdefghijkl");
  EXPECT_EQ(Status(answer), "HTTP/1.1 200 OK");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n12")) << answer;
}

}  // namespace
}  // namespace dcp::tools
