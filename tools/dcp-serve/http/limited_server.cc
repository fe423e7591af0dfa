#include "dcp-serve/http/limited_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace dcp::tools {
namespace {

using Clock = std::chrono::steady_clock;

// What is still on its way from a client when its request was refused is taken for so long: closing a socket that has
// unread bytes would take the answer from the client.
constexpr std::chrono::seconds kLinger(2);

enum class Cut { kNone, kHead, kBody };

thread_local Cut cut = Cut::kNone;  // a connection is served by one thread

// Passes on what another stream reads, up to the limits.
class LimitedStream final : public httplib::Stream {
 public:
  LimitedStream(httplib::Stream& stream, const LimitedServer::Limits& limits) : stream_(stream), limits_(limits) {
    cut = Cut::kNone;
  }

  bool is_readable() const override { return stream_.is_readable(); }
  bool is_writable() const override { return stream_.is_writable(); }

  ssize_t read(char* bytes, size_t size) override {
    if (cut != Cut::kNone) return -1;
    const ssize_t count = stream_.read(bytes, size);
    for (ssize_t i = 0; i < count; ++i) Count(bytes[i]);
    return cut == Cut::kNone ? count : -1;
  }

  using httplib::Stream::write;
  ssize_t write(const char* bytes, size_t size) override { return stream_.write(bytes, size); }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { stream_.get_remote_ip_and_port(ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { stream_.get_local_ip_and_port(ip, port); }
  socket_t socket() const override { return stream_.socket(); }

 private:
  // The head ends with the first empty line.
  void Count(char byte) {
    if (in_head_) {
      if (++head_ > limits_.head) cut = Cut::kHead;
      if (byte == '\n') {
        in_head_ = line_ > 0;
        line_ = 0;
      } else if (byte != '\r') {
        ++line_;
      }
    } else if (++body_ > limits_.body && cut == Cut::kNone) {
      cut = Cut::kBody;
    }
  }

  httplib::Stream& stream_;
  const LimitedServer::Limits& limits_;
  bool in_head_ = true;
  size_t line_ = 0;  // bytes of the head's line at hand
  size_t head_ = 0, body_ = 0;
};

// Waits for bytes, or the other side's end.
bool Readable(socket_t socket, std::chrono::milliseconds most) {
  pollfd entry{socket, POLLIN, 0};
  return poll(&entry, 1, static_cast<int>(most.count())) > 0;
}

void Linger(socket_t socket) {
  shutdown(socket, SHUT_WR);
  char ignored[1 << 14];
  for (const auto end = Clock::now() + kLinger; Clock::now() < end;) {
    if (!Readable(socket, std::chrono::milliseconds(100))) continue;
    if (recv(socket, ignored, sizeof ignored, MSG_DONTWAIT) <= 0) return;
  }
}

}  // namespace

bool LimitedServer::CutHead() { return cut == Cut::kHead; }
bool LimitedServer::CutBody() { return cut == Cut::kBody; }

// One request and its answer. False: nothing more is to be read from this connection.
bool LimitedServer::ProcessOne(socket_t socket, bool last) {
  bool closed = false;
  const bool answered = httplib::detail::process_client_socket(
      socket, read_timeout_sec_, read_timeout_usec_, write_timeout_sec_, write_timeout_usec_,
      [&](httplib::Stream& stream) {
        LimitedStream limited(stream, limits_);
        // Parts of an answer are given to nobody: many parts of one page are more than anybody needs, and a part of a
        // document in JSON is none.
        return process_request(limited, last, closed, [](httplib::Request& request) { request.ranges.clear(); });
      });
  return answered && !closed && cut == Cut::kNone;
}

// As the base class does it: requests one after the other, with a wait for each.
bool LimitedServer::process_and_close_socket(socket_t socket) {
  constexpr std::chrono::milliseconds kLook(10);  // how often it is seen that the server ends
  cut = Cut::kNone;
  bool open = true;
  for (size_t left = keep_alive_max_count_; open && left > 0; --left) {
    const auto end = Clock::now() + std::chrono::seconds(keep_alive_timeout_sec_);
    bool readable = false;
    while (!readable && Clock::now() < end && svr_sock_ != INVALID_SOCKET) readable = Readable(socket, kLook);
    open = readable && ProcessOne(socket, left == 1);
  }
  if (cut != Cut::kNone) Linger(socket);
  shutdown(socket, SHUT_RDWR);
  httplib::detail::close_socket(socket);
  return true;
}

}  // namespace dcp::tools
