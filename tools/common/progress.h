// Progress of long work, on stderr: a bar redrawn in place on a terminal, now and then a line in a log.
#ifndef DCP_TOOLS_COMMON_PROGRESS_H_
#define DCP_TOOLS_COMMON_PROGRESS_H_

#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace dcp::tools {

struct ProgressOptions {
  std::string label;              // what is being done: "perplexity"
  std::string unit;               // what is counted: "tokens"
  double total = 0;               // units in all; > 0
  bool terminal = false;          // redraw one line; otherwise print lines, the first after 2 seconds, then every 15
  std::function<double()> clock;  // seconds, for tests; empty: the steady clock
  double begun = 0;               // units that were done before: work that goes on
};

class Progress {
 public:
  Progress(std::ostream& err, ProgressOptions options);
  ~Progress();  // takes the redrawn line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap when it is too early to print again. `note` follows the numbers.
  void Update(double done, std::string_view note = {});

  // Takes the redrawn line away until the next Update, so that something else can be printed.
  void Hide();

 private:
  double Now() const;

  std::ostream& err_;
  ProgressOptions options_;
  double start_;
  double next_;
  bool drawn_ = false;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_PROGRESS_H_
