// Resident memory of a process over time.
#ifndef DCP_TESTS_SOAK_MEMORY_WATCH_H_
#define DCP_TESTS_SOAK_MEMORY_WATCH_H_

#include <sys/types.h>

#include <cstdint>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dcp::soak {

struct MemorySample {
  double seconds = 0;  // from the beginning
  int64_t bytes = 0;
};

// Bytes of the process that are resident; 0 where there is no such process.
int64_t ResidentBytes(pid_t process);

// Bytes that malloc has given out and not got back, of all threads. 0 under a sanitizer, which has its own malloc.
int64_t AllocatedBytes();

// What is wrong with memory that should have stopped growing: the last quarter of the samples against the second one,
// in their medians; nothing where it is flat, or where there are too few to say.
std::optional<std::string> Growth(const std::vector<MemorySample>& samples);

// Writes "seconds,rss_bytes" lines to `csv` (empty: nowhere) as long as it lives.
class MemoryWatch {
 public:
  // `every`: seconds between two looks.
  MemoryWatch(pid_t process, const std::string& csv, double every);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  std::vector<MemorySample> Samples() const;

 private:
  void Watch(pid_t process, double every, std::stop_token stop);

  mutable std::mutex mutex_;
  std::vector<MemorySample> samples_;
  std::ofstream csv_;
  std::jthread thread_;
};

// The lines of such a file. Throws dcp::Error.
std::vector<MemorySample> ReadSamples(const std::string& csv);

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_MEMORY_WATCH_H_
