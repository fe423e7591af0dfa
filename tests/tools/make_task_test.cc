// dcp-eval make-task: what its examples promise, and that they come out the same again.
#include "dcp-eval/task/make_task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>

#include "dcp-eval/eval_tool.h"
#include "dcp-eval/task/files.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

// A book of sentences made of few words, most of them names, the same every time: they come back after various
// distances.
std::string BookText(uint32_t state, int paragraphs = 40) {
  const char* words[] = {"garden", "Edward", "Margaret", "Agnes", "Walter", "kitchen", "Ruth",  "Caroline",  "walked",
                         "Peter",  "Toby",   "Helen",    "Alice", "Philip", "Samuel",  "Edith", "whispered", "Arthur"};
  const auto next = [&state](uint32_t count) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % count;
  };
  std::string text = "CHAPTER I\n\n";
  for (int i = 0; i < paragraphs; ++i) {
    for (int s = 0; s < 5; ++s) {
      text += s == 0 ? "Then" : " Once";
      for (uint32_t w = 6 + next(5); w > 0; --w) text += std::string(" the ") + words[next(18)];
      text += s == 3 && i % 4 == 0 ? " said \"no.\"" : i % 3 == 0 ? " number" + std::to_string(next(9999)) + "." : ".";
    }
    text += "\n\n";
  }
  return text;
}

std::vector<Book> TwoBooks() { return {{"one", Prose(BookText(1))}, {"two", Prose(BookText(2))}}; }

std::vector<std::string> Split(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::string Core(std::string word) {
  std::erase_if(word, [](char c) { return c == '.' || c == '"'; });
  return word;
}

TEST(Prose, SentencesAndCores) {
  const Prose prose("Mr. Hall came. \"Who is it?\" he asked.\n\nI. Quite so! J. Smith (the cook) left-");
  const auto ends = [&](size_t i) { return prose.EndsSentence(i); };
  std::vector<std::string> found;
  for (size_t i = 0; i < prose.words().size(); ++i) {
    if (ends(i)) found.emplace_back(prose.Span(i, i));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"came.", "asked.", "I.", "so!"}));
  EXPECT_EQ(prose.Core(5), "it");
  EXPECT_TRUE(prose.words()[3].starts_sentence);
  EXPECT_TRUE(prose.words()[8].starts_paragraph);
  EXPECT_EQ(prose.Span(13, 14), "(the cook)");
}

TEST(MakeTask, LastWordsWereSaidBeforeAndNotSince) {
  MakeTaskOptions options;
  options.kind = "lastword";
  options.texts = {"-"};
  options.count = 8;
  options.words = 80;
  options.min_distance = 10;
  const auto books = TwoBooks();
  const auto examples = MakeLastWords(books, options);
  ASSERT_EQ(examples.size(), 8u);
  for (size_t i = 0; i < examples.size(); ++i) {
    const std::string text = examples[i]["text"];
    EXPECT_EQ(examples[i]["book"], i % 2 == 0 ? "one" : "two");
    const std::string& book = books[i % 2].prose.text();
    const size_t found = book.find(text);
    ASSERT_NE(found, std::string::npos);
    EXPECT_EQ(book[found + text.size()], '.');
    const auto words = Split(text);
    EXPECT_LE(words.size(), 80u);
    EXPECT_GE(words.size(), 60u);
    const size_t distance = examples[i]["distance"];
    EXPECT_GE(distance, 10u);
    ASSERT_LT(distance, words.size());
    for (size_t back = 1; back <= distance; ++back) {
      EXPECT_EQ(Core(words[words.size() - 1 - back]) == words.back(), back == distance) << text;
    }
  }
}

TEST(MakeTask, ClozeEndingsComeNextOrFromElsewhere) {
  MakeTaskOptions options;
  options.kind = "cloze";
  options.texts = {"-"};
  options.count = 10;
  options.words = 40;
  const auto books = TwoBooks();
  const auto examples = MakeClozes(books, options);
  ASSERT_EQ(examples.size(), 10u);
  std::set<size_t> labels;
  for (size_t i = 0; i < examples.size(); ++i) {
    const std::string& book = books[i % 2].prose.text();
    const std::string context = examples[i]["context"];
    const auto endings = examples[i]["endings"].get<std::vector<std::string>>();
    const size_t label = examples[i]["label"];
    labels.insert(label);
    ASSERT_EQ(endings.size(), 4u);
    EXPECT_LE(Split(context).size(), 40u);
    for (size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(book.find(context + " " + endings[k]) != std::string::npos, k == label);
      EXPECT_NE(book.find(endings[k]), std::string::npos);
      EXPECT_EQ(endings[k].find('"'), std::string::npos);
      EXPECT_NEAR(static_cast<double>(endings[k].size()), static_cast<double>(endings[label].size()),
                  0.25 * static_cast<double>(endings[label].size()));
    }
  }
  EXPECT_GT(labels.size(), 1u);
}

class MakeTaskTool : public testing::Test {
 protected:
  Args With(const char* kind, const char* count, const char* seed, const std::string& out) const {
    return {"make-task", "--kind", kind, "--text",  dir_ / "books", "--out",          out, "--count",
            count,       "--seed", seed, "--words", "50",           "--min-distance", "10"};
  }

  void SetUp() override {
    std::filesystem::create_directory(dir_ / "books");
    for (const uint32_t i : {1u, 2u, 3u}) {
      reference::WriteText(dir_ / ("books/" + std::to_string(i) + ".txt"), BookText(i));
    }
  }

  TempDir dir_;
};

TEST_F(MakeTaskTool, TheSameAgainAndReadByTask) {
  for (const char* kind : {"lastword", "cloze"}) {
    Eval(With(kind, "9", "5", dir_ / "a.jsonl"));
    Eval(With(kind, "9", "5", dir_ / "b.jsonl"));
    Eval(With(kind, "9", "6", dir_ / "c.jsonl"));
    const std::string a = reference::ReadText(dir_ / "a.jsonl");
    EXPECT_EQ(a, reference::ReadText(dir_ / "b.jsonl"));
    EXPECT_NE(a, reference::ReadText(dir_ / "c.jsonl"));
    EXPECT_EQ(std::count(a.begin(), a.end(), '\n'), 9);
    const Json json = Eval({"task", "--task", kind == std::string("cloze") ? kind : "lambada", "--data",
                            dir_ / "a.jsonl", "--model", MakeByteModel(dir_, "model", ByteModelConfig(1024)), "--json"})
                          .json();
    EXPECT_EQ(json["examples"], 9);
  }
}

TEST_F(MakeTaskTool, RefusesWhatBooksCannotYield) {
  const auto refused = [&](const Args& args, const std::vector<std::string>& words) {
    ExpectRefused(RunTool(EvalMain, args), "dcp-eval", words);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "out"));
  };
  refused(With("lastword", "100000", "1", dir_ / "out"), {"--count", "100000", "yield"});
  refused(With("riddle", "1", "1", dir_ / "out"), {"riddle", "cloze"});
  refused(With("cloze", "0", "1", dir_ / "out"), {"--count", "0"});
  Args args = With("lastword", "1", "1", dir_ / "out");
  args.back() = "50";
  refused(args, {"--min-distance", "50", "49"});
  args[4] = dir_ / "gone";
  args.back() = "10";
  refused(args, {dir_ / "gone"});
}

// The files that ship are what `task` reads.
TEST(ShippedTasks, AreWhole) {
  std::istringstream in;
  std::ostringstream out, err;
  const std::atomic<bool> interrupted = false;
  ToolIo io{in, out, err, interrupted};
  const std::string folder = std::string(DCP_SOURCE_DIR) + "/tests/data/tasks/";
  EXPECT_EQ(ReadTask(TaskKind::kLambada, {folder + "lastword.jsonl", {}, 0}, io).size(), 120u);
  EXPECT_EQ(ReadTask(TaskKind::kCloze, {folder + "cloze.jsonl", {}, 0}, io).size(), 200u);
}

}  // namespace
}  // namespace dcp::tools
