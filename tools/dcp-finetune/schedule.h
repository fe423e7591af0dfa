// What changes with the step: alpha and the learning rate.
#ifndef DCP_TOOLS_DCP_FINETUNE_SCHEDULE_H_
#define DCP_TOOLS_DCP_FINETUNE_SCHEDULE_H_

#include <cstdint>
#include <string>

namespace dcp::finetune {

// alpha(step): from `from` to `to` over `steps`, then constant.
struct AlphaSchedule {
  enum class Shape { kCosine, kLinear, kConstant };
  Shape shape = Shape::kCosine;
  double from = 1, to = 8;
  int64_t steps = 25000;

  double At(int64_t step) const;
};

// "cosine:FROM:TO:STEPS", "linear:FROM:TO:STEPS" or "constant:ALPHA". Throws dcp::Error(kInvalidArgument) naming the
// text, and what was expected.
AlphaSchedule ParseAlphaSchedule(const std::string& text);

// Learning rate as a share of its peak: linear over `warmup` steps, then constant, or a cosine down to `floor` at
// `steps`; the last `decay` steps of a constant one fall to zero in a line.
struct LearningRateSchedule {
  bool cosine = false;
  int64_t warmup = 0, decay = 0, steps = 0;
  double floor = 0.1;

  double At(int64_t step) const;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_SCHEDULE_H_
