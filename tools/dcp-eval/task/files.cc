#include "dcp-eval/task/files.h"

#include <algorithm>

#include "common/files.h"
#include "dcp-eval/scoring/text_rules.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

struct Line {
  std::string_view text;
  size_t number;  // from 1
};

// Lines that hold more than white space.
std::vector<Line> SplitLines(std::string_view content) {
  std::vector<Line> lines;
  for (size_t number = 1; !content.empty(); ++number) {
    const size_t end = content.find('\n');
    const std::string_view text = content.substr(0, end);
    if (!Strip(text).empty()) lines.push_back({text, number});
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
  }
  return lines;
}

std::string Place(const std::string& file, const Line& line) { return file + ": line " + std::to_string(line.number); }

// A line of JSON; the fields of its reader tell where they stand.
class Record {
 public:
  Record(const std::string& file, const Line& line)
      : json_(ParseJsonObject(line.text, Place(file, line), ErrorCode::kInvalidArgument)),
        fields_(json_, Place(file, line), ErrorCode::kInvalidArgument) {}
  Record(const Record&) = delete;  // the reader views the document
  Record& operator=(const Record&) = delete;

  JsonReader operator[](std::string_view field) const { return fields_[field]; }
  const std::string& Text(const char* field) const { return fields_[field].Text(); }
  std::vector<std::string> Texts(const char* field) const { return fields_[field].Texts(2); }

  // A number or a string of digits, below `count`.
  size_t Index(const char* field, size_t count) const {
    const JsonReader value = fields_[field];
    for (size_t i = 0; value.present() && i < count; ++i) {
      if (value.json() == i || value.json() == std::to_string(i)) return i;
    }
    value.Fail("0 to " + std::to_string(count - 1));
  }

 private:
  const nlohmann::json json_;
  const JsonReader fields_;
};

// text.split(' '): all but the last word, and the last word with the space before it.
TaskExample LastWordExample(std::string_view text) {
  const size_t space = text.rfind(' ');
  const bool one_word = space == std::string_view::npos;
  const std::string context(one_word ? "" : text.substr(0, space));
  const std::string word(one_word ? text : text.substr(space + 1));
  return {{{context, " " + word, word}}};
}

TaskExample ChoiceExample(const std::string& context, const std::vector<std::string>& endings, size_t gold) {
  TaskExample example;
  for (const std::string& ending : endings) example.choices.push_back({context, " " + ending, ending});
  example.gold = gold;
  return example;
}

TaskExample ReadHellaSwag(const Record& record) {
  std::vector<std::string> endings = record.Texts("endings");
  for (std::string& ending : endings) ending = CleanHellaSwag(ending);
  const std::string context = record.Text("ctx_a") + " " + Capitalize(record.Text("ctx_b"));
  return ChoiceExample(CleanHellaSwag(record.Text("activity_label") + ": " + context), endings,
                       record.Index("label", endings.size()));
}

// The options differ in the context; what follows the blank is scored.
TaskExample ReadWinoGrande(const Record& record) {
  const std::string sentence = record.Text("sentence");
  const size_t blank = sentence.find('_');
  if (blank == std::string::npos) record["sentence"].Fail("a blank, _");
  const std::string rest(Strip(std::string_view(sentence).substr(blank + 1)));
  TaskExample example;
  for (const char* option : {"option1", "option2"}) {
    const std::string context = sentence.substr(0, blank) + record.Text(option);
    example.choices.push_back({context, " " + rest, context});
  }
  example.gold = record["answer"].Choice({"1", "2"});
  return example;
}

TaskExample ReadCloze(const Record& record) {
  const std::vector<std::string> endings = record.Texts("endings");
  return ChoiceExample(record.Text("context"), endings, record.Index("label", endings.size()));
}

std::vector<size_t> ReadLabels(const std::string& file, size_t examples, ToolIo& io) {
  const std::string content = ReadAll(file, io);
  std::vector<size_t> labels;
  for (const Line& line : SplitLines(content)) {
    const std::string_view label = Strip(line.text);
    if (label != "0" && label != "1") RejectInput(Place(file, line) + ": is " + Quote(label) + ", must be 0 or 1");
    labels.push_back(label == "0" ? 0 : 1);
  }
  if (labels.size() != examples) {
    RejectInput(file + ": holds " + std::to_string(labels.size()) + " labels, the data file has " +
                std::to_string(examples) + " examples");
  }
  return labels;
}

std::vector<TaskExample> ReadPiqa(const TaskFiles& files, const std::string& name, const std::vector<Line>& lines,
                                  size_t count, ToolIo& io) {
  std::vector<size_t> labels;
  if (files.labels) labels = ReadLabels(*files.labels, lines.size(), io);
  std::vector<TaskExample> examples;
  for (size_t i = 0; i < count; ++i) {
    const Record record(name, lines[i]);
    if (!files.labels && !record["label"].present()) record["label"].Fail("0 or 1, or a file by --labels");
    const size_t gold = files.labels ? labels[i] : record.Index("label", 2);
    examples.push_back(ChoiceExample(
        "Question: " + record.Text("goal") + "\nAnswer:", {record.Text("sol1"), record.Text("sol2")}, gold));
  }
  return examples;
}

TaskExample ReadExample(TaskKind task, const std::string& name, const Line& line, bool json) {
  if (task == TaskKind::kLambada && !json) return LastWordExample(Strip(line.text));
  const Record record(name, line);
  switch (task) {
    case TaskKind::kHellaSwag:
      return ReadHellaSwag(record);
    case TaskKind::kWinoGrande:
      return ReadWinoGrande(record);
    case TaskKind::kCloze:
      return ReadCloze(record);
    case TaskKind::kLambada:
    case TaskKind::kPiqa:  // read as a whole, with its labels
      break;
  }
  const std::string text = record.Text("text");
  if (Strip(text).empty()) record["text"].Fail("a word");
  return LastWordExample(text);
}

}  // namespace

std::vector<std::pair<std::string, TaskKind>> TaskNames() {
  return {{"lambada", TaskKind::kLambada},
          {"hellaswag", TaskKind::kHellaSwag},
          {"piqa", TaskKind::kPiqa},
          {"winogrande", TaskKind::kWinoGrande},
          {"cloze", TaskKind::kCloze}};
}

std::string NameOf(TaskKind task) {
  const auto names = TaskNames();
  return std::ranges::find(names, task, &std::pair<std::string, TaskKind>::second)->first;
}

std::string CleanHellaSwag(std::string_view text) {
  const auto replace = [](std::string_view in, std::string_view from, std::string_view to) {
    std::string out;
    for (size_t found; (found = in.find(from)) != std::string_view::npos; in.remove_prefix(found + from.size())) {
      out.append(in.substr(0, found)).append(to);
    }
    return out.append(in);
  };
  const std::string titled = replace(Strip(text), " [title]", ". ");
  std::string plain;
  for (size_t i = 0; i < titled.size(); ++i) {
    // A bracket ends at the next one that closes, if that is on the same line.
    const size_t end = titled[i] == '[' ? titled.find_first_of("]\n", i) : std::string::npos;
    if (end != std::string::npos && titled[end] == ']') {
      i = end;
    } else {
      plain += titled[i];
    }
  }
  return replace(plain, "  ", " ");
}

std::vector<TaskExample> ReadTask(TaskKind task, const TaskFiles& files, ToolIo& io) {
  const std::string name = DisplayName(files.data);
  const std::string content = ReadAll(files.data, io);
  const std::vector<Line> lines = SplitLines(content);
  if (lines.empty()) RejectInput(name + ": holds 0 examples, at least 1 is needed");
  const size_t count = files.limit != 0 ? std::min(files.limit, lines.size()) : lines.size();
  const bool json = Strip(lines.front().text).front() == '{';
  std::vector<TaskExample> examples;
  if (task == TaskKind::kPiqa) {
    examples = ReadPiqa(files, name, lines, count, io);
  } else {
    for (size_t i = 0; i < count; ++i) examples.push_back(ReadExample(task, name, lines[i], json));
  }
  for (size_t i = 0; i < count; ++i) examples[i].line = lines[i].number;
  return examples;
}

}  // namespace dcp::tools
