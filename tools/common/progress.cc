#include "common/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/format.h"
#include "common/measure.h"

namespace dcp::tools {
namespace {

constexpr double kFirstOnTerminal = 0.3;  // seconds; work that is done sooner shows nothing
constexpr double kRedraw = 0.1;
constexpr size_t kBarWidth = 20;
constexpr double kFirstInLog = 2.0;
constexpr double kNextInLog = 15.0;
constexpr char kEraseLine[] = "\r\x1b[K";

std::string Clock(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole >= 3600) return Format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return Format("%lld:%02lld", whole / 60, whole % 60);
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

void Progress::Update(double done, std::string_view note) {
  const double now = Now();
  if (now < next_ || done <= options_.begun) return;
  next_ = now + (options_.terminal ? kRedraw : kNextInLog);
  const double share = done / options_.total;
  const double rate = (done - options_.begun) / (now - start_);
  const char* const unit = options_.unit.c_str();
  if (options_.terminal) err_ << kEraseLine;
  err_ << options_.label << ' ';
  if (options_.terminal) {
    const auto full = static_cast<size_t>(std::min(share, 1.0) * kBarWidth);
    err_ << '[' << std::string(full, '#') << std::string(kBarWidth - full, '.') << "] ";
  }
  err_ << Format("%3.0f%% %.0f/%.0f %s, %.4g %s/s, ", 100 * share, done, options_.total, unit, rate, unit)
       << Clock((options_.total - done) / rate) << " left" << (note.empty() ? "" : ", ") << note;
  if (!options_.terminal) err_ << '\n';
  err_ << std::flush;
  drawn_ = true;
}

}  // namespace dcp::tools
