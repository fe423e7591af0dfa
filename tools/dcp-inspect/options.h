// What dcp-inspect can be told: which text, measured how, shown where.
#ifndef DCP_TOOLS_DCP_INSPECT_OPTIONS_H_
#define DCP_TOOLS_DCP_INSPECT_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "common/model_options.h"
#include "common/text_options.h"
#include "dcp/sampler.h"

namespace CLI {
class App;
}  // namespace CLI

namespace dcp::tools {

// Where the one sequence that is looked at comes from: exactly one of the first four.
struct InspectSource {
  std::optional<std::string> prompt;      // --prompt
  std::vector<std::string> texts;         // --text; several, or folders, only with --stats
  std::optional<std::string> prompt_ids;  // --prompt-ids
  std::optional<std::string> trace_file;  // --trace
  size_t sequence = 0;                    // index into the sequences of the trace file
  size_t skip = 0;                        // leave out the first tokens of the text
  size_t max_tokens = 0;                  // and what follows that many; 0: nothing
  int generate = 0;                       // tokens to generate after the prompt
  SamplingOptions sampling;               // the seed comes from the model's options
};

// Corpus statistics, with --stats.
struct StatsOptions {
  bool on = false;
  int context = 0;       // tokens of a window; 0: P
  int horizon = 0;       // tokens that a token is followed for; 0: half the context
  size_t windows = 0;    // windows, spread evenly over the texts; 0: all
  size_t batch = 8;      // windows that run together
  int resamples = 1000;  // of the bootstrap
};

enum class UseColor { kAuto, kAlways, kNever };

struct InspectOptions {
  ModelToolOptions model;
  TextOptions text;
  InspectSource source;
  StatsOptions stats;
  std::optional<std::string> html_file;
  std::optional<std::string> svg_file;
  std::optional<std::string> show;       // "FIRST-LAST": the tokens that the picture shows; absent: all
  std::optional<std::string> json_file;  // "-": standard output
  UseColor color = UseColor::kAuto;
};

void AddInspectOptions(CLI::App& app, InspectOptions& options);

// Throws dcp::Error(kInvalidArgument) for what can be known to be wrong before the model is loaded.
void CheckInspectOptions(const InspectOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_OPTIONS_H_
