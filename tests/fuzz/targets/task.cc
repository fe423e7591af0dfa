// Question files, as dcp-eval task reads them, with a file of labels where the input has one. The first byte is the
// kind of task.
#include <atomic>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "dcp-eval/task/files.h"
#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  using namespace dcp::tools;
  if (size == 0) return 0;
  const auto names = TaskNames();
  const TaskKind task = names[data[0] % names.size()].second;
  const std::atomic<bool> interrupted = false;
  std::string_view questions = fuzz::AsText(data + 1, size - 1);
  questions = questions.substr(0, questions.find("\n=== labels\n"));
  std::istringstream in{std::string(questions)};
  std::ostringstream out, err;
  ToolIo io{in, out, err, interrupted};
  static fuzz::InputDirectory directory({"labels"});
  directory.Fill(fuzz::AsText(data + 1, size - 1));
  const std::filesystem::path labels = directory.path() / "labels";
  TaskFiles files;
  files.data = "-";
  if (std::filesystem::exists(labels)) files.labels = labels.string();
  files.limit = data[0] / names.size() % 4;
  fuzz::Accepts([&] {
    for (const TaskExample& example : ReadTask(task, files, io)) {
      fuzz::Require(example.gold < example.choices.size(), "the right answer is one of the choices");
      fuzz::Require(example.line > 0, "an example has a line");
    }
  });
  return 0;
}
