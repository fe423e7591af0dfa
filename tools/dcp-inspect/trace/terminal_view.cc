#include "dcp-inspect/trace/terminal_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "dcp-inspect/tokens/token_text.h"

namespace dcp::tools {
namespace {

enum class Fade { kKept, kMostlyKept, kMostlyDropped, kDropped };

// How a run of equally faded tokens begins and ends, by Fade.
struct Marks {
  const char* begin;
  const char* end;
};
constexpr Marks kAnsi[] = {{"\x1b[1m", "\x1b[0m"}, {"", ""}, {"\x1b[2m", "\x1b[0m"}, {"\x1b[2;90m", "\x1b[0m"}};
constexpr Marks kPlain[] = {{"", ""}, {"", ""}, {"[", "]"}, {"{", "}"}};

constexpr int kBarWidth = 40;

Fade FadeOf(double dropped_share) {
  if (dropped_share == 0) return Fade::kKept;
  if (dropped_share == 1) return Fade::kDropped;
  return dropped_share < 0.5 ? Fade::kMostlyKept : Fade::kMostlyDropped;
}

// Spaces and line ends where the marks change stay outside of them.
std::string Text(const NamedTrace& trace, const Marks* marks) {
  const std::vector<std::string> texts = ShownTexts(trace);
  const std::vector<double> share = DroppedShare(trace);
  std::string view;
  std::string spaces;
  const Marks* open = nullptr;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t first = std::min(texts[i].find_first_not_of(" \n\t"), texts[i].size());
    spaces += texts[i].substr(0, first);
    if (first == texts[i].size()) continue;
    const Marks* const wanted = &marks[static_cast<size_t>(FadeOf(share[i]))];
    const bool same = open != nullptr && std::string_view(wanted->begin) == open->begin;
    if (open != nullptr && !same) view += open->end;
    view += spaces;
    if (!same) view += wanted->begin;
    view += texts[i].substr(first);
    spaces.clear();
    open = wanted;
  }
  if (open != nullptr) view += open->end;
  return view + '\n';
}

std::string Bar(double sparsity, bool color) {
  const int filled = static_cast<int>(std::lround((1 - sparsity) * kBarWidth));
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? (color ? "\u2588" : "#") : (color ? "\u2591" : ".");
  return bar;
}

std::string Row(const std::string& name, const LayerSummary& summary, bool color) {
  char numbers[80];
  std::snprintf(numbers, sizeof numbers, "  %5.1f %% dropped, mean lifetime %.1f tokens\n", 100 * summary.sparsity,
                summary.mean_lifetime);
  return name + Bar(summary.sparsity, color) + numbers;
}

std::string Head(const NamedTrace& trace, bool color) {
  std::string head = trace.model.empty() ? "" : trace.model + ", ";
  if (!trace.policy.empty()) head += trace.policy + ", ";
  if (trace.eviction_delay > 0) head += "drops take effect " + std::to_string(trace.eviction_delay) + " tokens later, ";
  head += std::to_string(trace.size()) + " tokens, " + std::to_string(trace.layers.size()) + " layers. ";
  return head + (color ? "Bold: kept by all layers; the fainter, the more layers dropped it.\n\n"
                       : "[dropped by at least half of the layers] {dropped by all}\n\n");
}

}  // namespace

std::string TerminalView(const NamedTrace& trace, bool color) {
  std::string view = Head(trace, color) + Text(trace, color ? kAnsi : kPlain) + '\n';
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    char name[32];
    std::snprintf(name, sizeof name, "layer %2zu  ", l);
    view += Row(name, Summarize(trace.layers[l]), color);
  }
  return view + Row("all       ", SummarizeAll(trace), color);
}

}  // namespace dcp::tools
