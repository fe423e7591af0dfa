#include "dcp-serve/http/client_socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>

namespace dcp::tools {
namespace {

bool IsConnectedTo(int socket, const std::string& address, int port) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof peer;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&peer), size, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return false;
  }
  return std::atoi(service) == port && address == host;
}

}  // namespace

ClientSocket::ClientSocket(const std::string& address, int port) {
  DIR* const open_files = opendir("/proc/self/fd");
  if (open_files == nullptr) return;
  while (const dirent* entry = readdir(open_files)) {
    const int socket = std::atoi(entry->d_name);
    if (socket <= 2 || !IsConnectedTo(socket, address, port)) continue;
    socket_ = socket;
    break;
  }
  closedir(open_files);
}

bool ClientSocket::Gone() const {
  if (socket_ < 0) return false;
  pollfd poll_entry{socket_, POLLRDHUP, 0};
  return poll(&poll_entry, 1, 0) > 0 && (poll_entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void ClientSocket::StopReading() const {
  if (socket_ >= 0) shutdown(socket_, SHUT_RD);
}

}  // namespace dcp::tools
