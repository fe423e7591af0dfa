#include "dcp-finetune/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <vector>

#include "dcp/error.h"

namespace dcp::finetune {
namespace {

double Cosine(double share) { return 0.5 * (1 + std::cos(std::numbers::pi * share)); }

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool ParseNumber(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(value);
}

}  // namespace

double AlphaSchedule::At(int64_t step) const {
  if (shape == Shape::kConstant || step >= steps) return to;
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return shape == Shape::kLinear ? from + share * (to - from) : to + (from - to) * Cosine(share);
}

AlphaSchedule ParseAlphaSchedule(const std::string& text) {
  const std::vector<std::string> parts = Split(text);
  AlphaSchedule schedule;
  double steps = 0;
  bool valid = false;
  if (parts[0] == "constant" && parts.size() == 2) {
    schedule.shape = AlphaSchedule::Shape::kConstant;
    valid = ParseNumber(parts[1], schedule.to) && schedule.to >= 1;
  } else if ((parts[0] == "cosine" || parts[0] == "linear") && parts.size() == 4) {
    schedule.shape = parts[0] == "linear" ? AlphaSchedule::Shape::kLinear : AlphaSchedule::Shape::kCosine;
    valid = ParseNumber(parts[1], schedule.from) && ParseNumber(parts[2], schedule.to) &&
            ParseNumber(parts[3], steps) && schedule.from >= 1 && schedule.to >= 1 && steps >= 1;
    schedule.steps = static_cast<int64_t>(steps);
  }
  if (!valid) {
    throw Error(ErrorCode::kInvalidArgument, "--alpha \"" + text +
                                                 "\": expected cosine:FROM:TO:STEPS, linear:FROM:TO:STEPS or "
                                                 "constant:ALPHA, with alphas of at least 1");
  }
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
