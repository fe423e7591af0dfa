// A dcp-serve in a process of its own.
#ifndef DCP_TESTS_SOAK_SERVED_PROCESS_H_
#define DCP_TESTS_SOAK_SERVED_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace dcp::soak {

class ServedProcess {
 public:
  // Returns once it listens. Its stderr is this process's. Throws std::runtime_error when it does not.
  ServedProcess(const std::string& program, const std::vector<std::string>& args);
  ~ServedProcess();
  ServedProcess(const ServedProcess&) = delete;
  ServedProcess& operator=(const ServedProcess&) = delete;

  pid_t pid() const { return pid_; }
  int port() const { return port_; }
  size_t OpenFiles() const;

  // Sends SIGTERM and returns the exit status as a shell gives it.
  int Terminate();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int port_ = 0;
};

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_SERVED_PROCESS_H_
