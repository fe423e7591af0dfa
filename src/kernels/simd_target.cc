#include "kernels/simd_target.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>

#include "dcp/error.h"
#include "dcp/simd.h"
#include "support/simd_targets.h"
// Highway's headers want to know the line above.
#include "hwy/targets.h"

namespace dcp {
namespace {

struct Target {
  std::string name;
  int64_t highway;
  bool vnni;
};

bool HasVnni() {
#if defined(__GNUC__) && defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

std::string NameOf(int64_t highway) {
  std::string name = hwy::TargetName(highway);
  if (name == "AVX3") return "avx512";
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return name;
}

// Best first: Highway gives better targets lower bits.
std::vector<Target> FindTargets() {
  std::vector<Target> targets;
  for (const int64_t highway : hwy::SupportedAndGeneratedTargets()) {
    const std::string name = NameOf(highway);
    if (name == "avx512" && HasVnni()) targets.push_back({"avx512vnni", highway, true});
    targets.push_back({name, highway, false});
  }
  return targets;
}

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = FindTargets();  // before any is taken away
  return targets;
}

// Number of the one in use.
std::atomic<size_t> chosen = 0;

}  // namespace

bool MayUseVnni() { return Targets()[chosen.load(std::memory_order_relaxed)].vnni; }

const std::vector<std::string>& SimdTargets() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    std::transform(Targets().begin(), Targets().end(), std::back_inserter(all), [](const Target& t) { return t.name; });
    return all;
  }();
  return names;
}

std::string_view SimdTarget() { return SimdTargets()[chosen.load(std::memory_order_relaxed)]; }

void UseSimdTarget(std::string_view name) {
  const std::vector<std::string>& names = SimdTargets();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string choices;
    for (const std::string& choice : names) choices += (choices.empty() ? "" : ", ") + choice;
    throw Error(ErrorCode::kInvalidArgument,
                "instruction set \"" + std::string(name) +
                    "\" is not one of those that this build and this processor have: " + choices);
  }
  chosen = static_cast<size_t>(found - names.begin());
  // All that are better; the kernels choose anew when they are called next.
  hwy::DisableTargets(Targets()[chosen].highway - 1);
}

}  // namespace dcp
