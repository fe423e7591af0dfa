// To be preloaded: the time of day jumps by a year, forwards and backwards, from one look to the next. What measures
// how long things take must not look at it.
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr time_t kYear = 365 * 86400;

time_t Jump() {
  static std::atomic<unsigned> looks = 0;
  return (static_cast<time_t>(looks++ % 3) - 1) * kYear;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int failed = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += Jump();
  return failed;
}

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  timespec time = {};
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  *now = {time.tv_sec, time.tv_nsec / 1000};
  return 0;
}

extern "C" time_t time(time_t* now) noexcept {
  timespec time = {};
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  if (now != nullptr) *now = time.tv_sec;
  return time.tv_sec;
}
