#include "dcp/types.h"

#include <string>

#include "dcp/error.h"

namespace dcp {

std::string_view ToString(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return "f32";
    case WeightType::kBF16:
      return "bf16";
    case WeightType::kF16:
      return "f16";
    case WeightType::kI8:
      return "i8";
    case WeightType::kI4:
      return "i4";
  }
  return "?";
}

std::string_view ToString(KvType type) {
  switch (type) {
    case KvType::kF32:
      return "f32";
    case KvType::kF16:
      return "f16";
    case KvType::kI8:
      return "i8";
  }
  return "?";
}

std::string_view ToString(Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return "linear";
    case Activation::kGeluTanh:
      return "gelu_new";
    case Activation::kGelu:
      return "gelu";
    case Activation::kQuickGelu:
      return "quick_gelu";
    case Activation::kSilu:
      return "silu";
    case Activation::kRelu:
      return "relu";
    case Activation::kTanh:
      return "tanh";
  }
  return "?";
}

WeightType ParseWeightType(std::string_view name) {
  for (WeightType type : {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4}) {
    if (ToString(type) == name) return type;
  }
  throw Error(ErrorCode::kInvalidArgument, "type \"" + std::string(name) + "\" is not one of f32, bf16, f16, i8, i4");
}

KvType ParseKvType(std::string_view name) {
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kI8}) {
    if (ToString(type) == name) return type;
  }
  throw Error(ErrorCode::kInvalidArgument, "type \"" + std::string(name) + "\" is not one of f32, f16, i8");
}

}  // namespace dcp
