#include "common/progress.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "common/measure.h"

namespace dcp::tools {
namespace {

constexpr double kFirstOnTerminal = 0.3;  // seconds; work that is done sooner shows nothing
constexpr double kRedraw = 0.1;
constexpr double kFirstInLog = 2.0;
constexpr double kNextInLog = 15.0;
constexpr char kEraseLine[] = "\r\x1b[K";

std::string Clock(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

}  // namespace

Progress::Progress(std::ostream& err, ProgressOptions options)
    : err_(err),
      options_(std::move(options)),
      start_(Now()),
      next_(start_ + (options_.terminal ? kFirstOnTerminal : kFirstInLog)) {}

Progress::~Progress() { Hide(); }

void Progress::Hide() {
  if (drawn_ && options_.terminal) err_ << kEraseLine << std::flush;
  drawn_ = false;
}

double Progress::Now() const {
  if (options_.clock) return options_.clock();
  return SecondsNow();
}

void Progress::Update(double done) {
  const double now = Now();
  if (now < next_ || done <= 0) return;
  next_ = now + (options_.terminal ? kRedraw : kNextInLog);
  const double rate = done / (now - start_);
  char numbers[160];
  std::snprintf(numbers, sizeof numbers, "%3.0f%% %.0f/%.0f %s, %.4g %s/s, %s left", 100 * done / options_.total, done,
                options_.total, options_.unit.c_str(), rate, options_.unit.c_str(),
                Clock((options_.total - done) / rate).c_str());
  if (options_.terminal) err_ << kEraseLine;
  err_ << options_.label << ' ' << numbers;
  if (!options_.terminal) err_ << '\n';
  err_ << std::flush;
  drawn_ = true;
}

}  // namespace dcp::tools
