#include "dcp-finetune/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "dcp/error.h"
#include "support/escape.h"

namespace dcp::finetune {
namespace {

double Cosine(double share) { return 0.5 * (1 + std::cos(std::numbers::pi * share)); }

}  // namespace

double AlphaSchedule::At(int64_t step) const {
  if (shape == Shape::kConstant || step >= steps) return to;
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return shape == Shape::kLinear ? from + share * (to - from) : to + (from - to) * Cosine(share);
}

AlphaSchedule ParseAlphaSchedule(const std::string& text) {
  AlphaSchedule schedule;
  const std::string shape = text.substr(0, text.find(':'));
  if (shape == "linear") schedule.shape = AlphaSchedule::Shape::kLinear;
  if (shape == "constant") schedule.shape = AlphaSchedule::Shape::kConstant;
  const char* numbers = text.c_str() + shape.size();
  int end = 0;
  double steps = 1;
  bool valid = shape == "constant" || shape == "linear" || shape == "cosine";
  if (shape == "constant") {
    valid = std::sscanf(numbers, ":%lf%n", &schedule.to, &end) == 1;
  } else if (valid) {
    valid = std::sscanf(numbers, ":%lf:%lf:%lf%n", &schedule.from, &schedule.to, &steps, &end) == 3;
  }
  const auto is_alpha = [](double alpha) { return alpha >= 1 && std::isfinite(alpha); };
  if (!valid || numbers[end] != '\0' || !is_alpha(schedule.from) || !is_alpha(schedule.to) || !(steps >= 1)) {
    throw Error(ErrorCode::kInvalidArgument, Quote(text) +
                                                 ": expected cosine:FROM:TO:STEPS, linear:FROM:TO:STEPS or "
                                                 "constant:ALPHA, with alphas of at least 1");
  }
  schedule.steps = static_cast<int64_t>(std::min(steps, 1e15));
  return schedule;
}

double LearningRateSchedule::At(int64_t step) const {
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (!cosine && step + decay >= steps && decay > 0) {
    return static_cast<double>(steps - step) / static_cast<double>(decay + 1);
  }
  if (!cosine || steps <= warmup) return 1;
  const double share = std::min(1.0, static_cast<double>(step - warmup) / static_cast<double>(steps - warmup));
  return floor + (1 - floor) * Cosine(share);
}

}  // namespace dcp::finetune
