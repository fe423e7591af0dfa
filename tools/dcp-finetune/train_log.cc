#include "dcp-finetune/train_log.h"

#include <chrono>
#include <cstdio>
#include <string>

#include "dcp/error.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

constexpr int kBarWidth = 20;
constexpr double kRedraw = 0.2;  // seconds
constexpr double kNextInLog = 30;
constexpr char kEraseLine[] = "\r\x1b[K";

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// A killed run may have left half a line.
bool Belongs(const std::string& line, int64_t first_step) {
  const tools::Json json = tools::Json::parse(line, nullptr, false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
         json["step"].get<int64_t>() <= first_step;
}

std::string Clock(double seconds) {
  const long long whole = static_cast<long long>(seconds + 0.5);
  char text[48];
  std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

}  // namespace

TrainLog::TrainLog(const std::filesystem::path& path, int64_t first_step) : path_(path) {
  std::string kept;
  if (first_step > 0) {
    std::ifstream earlier(path);
    for (std::string line; std::getline(earlier, line);) {
      if (Belongs(line, first_step)) kept += line + "\n";
    }
  }
  OutputFile fresh(path);
  fresh.Write(kept);
  fresh.Commit();
  file_.open(path, std::ios::app);
}

void TrainLog::Write(const tools::Json& line) {
  file_ << tools::Dump(line) << std::flush;
  if (!file_) throw Error(ErrorCode::kIo, path_.string() + ": cannot be written");
}

TrainProgress::TrainProgress(tools::ToolIo& io, int64_t first_step, int64_t steps)
    : io_(io), first_step_(first_step), steps_(steps), start_(Now()) {}

TrainProgress::~TrainProgress() { Hide(); }

void TrainProgress::Hide() {
  if (drawn_ && io_.err_is_terminal) io_.err << kEraseLine << std::flush;
  drawn_ = false;
}

void TrainProgress::Update(const StepReport& report) {
  const double now = Now();
  if (now < next_ && report.step < steps_) return;
  next_ = now + (io_.err_is_terminal ? kRedraw : kNextInLog);
  const double share = static_cast<double>(report.step) / static_cast<double>(steps_);
  const int64_t done = report.step - first_step_;
  const double left =
      (now - start_) / static_cast<double>(std::max<int64_t>(done, 1)) * static_cast<double>(steps_ - report.step);
  std::string bar(static_cast<size_t>(share * kBarWidth), '#');
  bar.resize(kBarWidth, '.');
  char pruning[64] = "";
  if (report.alpha > 0) {
    std::snprintf(pruning, sizeof pruning, " sparsity %.1f%% alpha %.2f", 100 * report.sparsity, report.alpha);
  }
  char line[256];
  std::snprintf(line, sizeof line, "[%s] %lld/%lld loss %.4f%s %.0f tokens/s ETA %s", bar.c_str(),
                static_cast<long long>(report.step), static_cast<long long>(steps_), report.loss, pruning,
                report.tokens_per_s, Clock(left).c_str());
  if (io_.err_is_terminal) io_.err << kEraseLine;
  io_.err << line;
  if (!io_.err_is_terminal) io_.err << '\n';
  io_.err << std::flush;
  drawn_ = true;
}

}  // namespace dcp::finetune
