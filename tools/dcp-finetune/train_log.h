// The run's log in JSON lines, and its progress on the terminal.
#ifndef DCP_TOOLS_DCP_FINETUNE_TRAIN_LOG_H_
#define DCP_TOOLS_DCP_FINETUNE_TRAIN_LOG_H_

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "common/json.h"
#include "common/progress.h"
#include "common/tool.h"

namespace dcp::finetune {

// One JSON object a line, each with "step"; flushed line by line.
class TrainLog {
 public:
  // Keeps the lines of an earlier run with "step" below `first_step` and appends to them; what came after belongs to
  // work that was lost and will be done again. An empty path is a log of nothing. Throws
  // dcp::Error(kIo) when it cannot be read or written.
  TrainLog(const std::filesystem::path& path, int64_t first_step);

  void Write(const tools::Json& line);

 private:
  [[noreturn]] void Fail() const;

  std::filesystem::path path_;
  std::ofstream file_;
};

struct StepReport {
  int64_t step = 0;  // finished steps, this one included
  double loss = 0;
  double sparsity = 0;  // soft: 1 - R_sparse; 0 when dense
  double alpha = 0;     // 0 when dense
  double tokens_per_s = 0;
};

// The bar of steps, with what the last one came to.
class TrainProgress {
 public:
  TrainProgress(tools::ToolIo& io, int64_t first_step, int64_t steps);

  void Update(const StepReport& report);
  void Hide() { progress_.Hide(); }

 private:
  tools::Progress progress_;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_TRAIN_LOG_H_
