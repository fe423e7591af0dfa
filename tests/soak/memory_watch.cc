#include "tests/soak/memory_watch.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <sstream>

#include "common/measure.h"
#include "dcp/error.h"
#include "support/files.h"

namespace dcp::soak {
namespace {

// More than this is growth: what an allocator's moods come to, and more than a leak of 100 bytes a request stays below.
constexpr double kShare = 0.05;
constexpr double kBytes = 4 << 20;
constexpr size_t kLeast = 16;            // samples
constexpr double kLeastSeconds = 100.0;  // until then memory is still being found out

double MedianBytes(const std::vector<MemorySample>& samples, size_t begin, size_t end) {
  std::vector<double> bytes;
  for (size_t i = begin; i < end; ++i) bytes.push_back(static_cast<double>(samples[i].bytes));
  return tools::Quantile(std::move(bytes), 0.5);
}

}  // namespace

int64_t ResidentBytes(pid_t process) {
  std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return statm ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int64_t AllocatedBytes() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const auto info = mallinfo2();  // of the main arena: main() allows no other
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#else
  return 0;
#endif
}

std::optional<std::string> Growth(const std::vector<MemorySample>& samples) {
  const size_t n = samples.size();
  if (n < kLeast || samples.back().seconds < kLeastSeconds) return std::nullopt;
  const double early = MedianBytes(samples, n / 4, n / 2), late = MedianBytes(samples, n - n / 4, n);
  if (late <= early * (1 + kShare) + kBytes) return std::nullopt;
  return "resident memory grew from " + tools::HumanBytes(early) + " in the second quarter to " +
         tools::HumanBytes(late) + " in the last";
}

MemoryWatch::MemoryWatch(pid_t process, const std::string& csv, double every) {
  if (!csv.empty()) {
    csv_.open(csv);
    if (!csv_) throw Error(ErrorCode::kIo, csv + ": cannot be written");
    csv_ << "seconds,rss_bytes\n";
  }
  thread_ = std::jthread([this, process, every](std::stop_token stop) { Watch(process, every, std::move(stop)); });
}

MemoryWatch::~MemoryWatch() = default;

void MemoryWatch::Watch(pid_t process, double every, std::stop_token stop) {
  const double begin = tools::SecondsNow();
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const MemorySample sample{tools::SecondsNow() - begin, ResidentBytes(process)};
    if (sample.bytes > 0) {
      const std::lock_guard guard(mutex_);
      samples_.push_back(sample);
      if (csv_.is_open()) csv_ << sample.seconds << ',' << sample.bytes << '\n' << std::flush;
    }
    stopped.wait_for(lock, stop, std::chrono::duration<double>(every), [] { return false; });
  }
}

std::vector<MemorySample> MemoryWatch::Samples() const {
  const std::lock_guard guard(mutex_);
  return samples_;
}

std::vector<MemorySample> ReadSamples(const std::string& csv) {
  std::istringstream lines(ReadFile(csv));
  std::vector<MemorySample> samples;
  std::string line;
  std::getline(lines, line);  // the heading
  for (int number = 2; std::getline(lines, line); ++number) {
    MemorySample sample;
    long long bytes = 0;
    if (std::sscanf(line.c_str(), "%lf,%lld", &sample.seconds, &bytes) != 2) {
      throw Error(ErrorCode::kInvalidArgument, csv + ":" + std::to_string(number) + ": is not \"seconds,bytes\"");
    }
    sample.bytes = bytes;
    samples.push_back(sample);
  }
  return samples;
}

}  // namespace dcp::soak
