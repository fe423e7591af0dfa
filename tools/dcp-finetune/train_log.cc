#include "dcp-finetune/train_log.h"

#include <cerrno>
#include <sstream>
#include <string>
#include <system_error>

#include "common/format.h"
#include "dcp/error.h"
#include "support/files.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

// A killed run may have left half a line.
bool Belongs(const std::string& line, int64_t first_step) {
  const tools::Json json = tools::Json::parse(line, nullptr, false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
         json["step"].get<int64_t>() <= first_step;
}

}  // namespace

TrainLog::TrainLog(const std::filesystem::path& path, int64_t first_step) : path_(path) {
  if (path.empty()) return;
  std::string kept;
  if (first_step > 0 && std::filesystem::exists(path)) {
    std::istringstream earlier(ReadFile(path));
    for (std::string line; std::getline(earlier, line);) {
      if (Belongs(line, first_step)) kept += line + "\n";
    }
  }
  OutputFile fresh(path);
  fresh.Write(kept);
  fresh.Commit();
  errno = 0;
  file_.open(path, std::ios::app);
  if (!file_) Fail();
}

void TrainLog::Fail() const {
  const int error = errno;
  throw Error(ErrorCode::kIo, path_.string() + ": cannot be written" +
                                  (error != 0 ? ": " + std::generic_category().message(error) : std::string()));
}

void TrainLog::Write(const tools::Json& line) {
  if (path_.empty()) return;
  errno = 0;
  file_ << tools::Dump(line) << std::flush;
  if (!file_) Fail();
}

TrainProgress::TrainProgress(tools::ToolIo& io, int64_t first_step, int64_t steps)
    : progress_(
          io.err,
          {"training", "steps", static_cast<double>(steps), io.err_is_terminal, {}, static_cast<double>(first_step)}) {}

void TrainProgress::Update(const StepReport& report) {
  std::string note = tools::Format("loss %.4f", report.loss);
  if (report.alpha > 0) note += tools::Format(" sparsity %.1f%% alpha %.2f", 100 * report.sparsity, report.alpha);
  progress_.Update(static_cast<double>(report.step), note + tools::Format(" %.0f tokens/s", report.tokens_per_s));
}

}  // namespace dcp::finetune
