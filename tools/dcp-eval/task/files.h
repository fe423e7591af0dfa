// Question files of public data sets, turned into what a model is asked: contexts and continuations, worded exactly as
// lm-evaluation-harness words them.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_FILES_H_
#define DCP_TOOLS_DCP_EVAL_TASK_FILES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/tool.h"

namespace dcp::tools {

enum class TaskKind {
  kLambada,     // {"text"} a line, or plain text, a passage a line: the last word is asked for
  kHellaSwag,   // {"activity_label", "ctx_a", "ctx_b", "endings", "label"} a line
  kPiqa,        // {"goal", "sol1", "sol2"} a line; labels in a file of their own, or "label" in the line
  kWinoGrande,  // {"sentence" with one _, "option1", "option2", "answer": "1" or "2"} a line
  kCloze,       // {"context", "endings", "label"} a line: this project's own, nothing is reworded
};

// Their names on the command line.
std::vector<std::pair<std::string, TaskKind>> TaskNames();
std::string NameOf(TaskKind task);

// One way to go on: the continuation is scored after the context.
struct TaskChoice {
  std::string context;
  std::string continuation;
  std::string text;  // what length-normalised accuracies take the length of
};

struct TaskExample {
  std::vector<TaskChoice> choices;  // one for LAMBADA
  size_t gold = 0;                  // index of the right choice
  size_t line = 0;                  // of the file, from 1
};

struct TaskFiles {
  std::string data;
  std::optional<std::string> labels;  // PIQA only
  size_t limit = 0;                   // examples read; 0: all
};

// Throws dcp::Error naming file, line and field for what is not in the task's format, and for a file without examples.
std::vector<TaskExample> ReadTask(TaskKind task, const TaskFiles& files, ToolIo& io);

// HellaSwag's clean-up of contexts and endings: what WikiHow left in brackets goes, and one of two spaces.
std::string CleanHellaSwag(std::string_view text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_FILES_H_
