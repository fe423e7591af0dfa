// dcp-eval task: published formats and their wording, checked by hand; what is not in the format.
#include <gtest/gtest.h>

#include <sstream>

#include "dcp-eval/eval_tool.h"
#include "dcp-eval/scoring/continuations.h"
#include "dcp-eval/scoring/text_rules.h"
#include "dcp-eval/task/files.h"
#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

TEST(TextRules, AreThoseOfPython) {
  EXPECT_EQ(Strip("\n \xC2\xA0 a\xC2\xA0 b\xE3\x80\x80\t\x1F"), "a\xC2\xA0 b");
  EXPECT_EQ(StripRight(" \xE2\x80\xAF\n"), "");
  EXPECT_EQ(StripRight(" a\xC3\xA9"), " a\xC3\xA9");
  EXPECT_EQ(Capitalize("the Man FROM Rome"), "The man from rome");
  EXPECT_EQ(Capitalize("ÉCOLE"), "École");
  EXPECT_EQ(Capitalize("école à L'ŒUVRE"), "École à l'œuvre");
  EXPECT_EQ(Capitalize("ωΩ жЖ Ёё ŠŽ"), "Ωω жж ёё šž");
  EXPECT_EQ(Capitalize("\xF0\x9F\x98\x80 A"), "\xF0\x9F\x98\x80 a");
  EXPECT_EQ(Capitalize(""), "");
}

TEST(TextRules, HellaSwagCleanUp) {
  EXPECT_EQ(CleanHellaSwag("  How to knit [title] Begin. [step] Take [substeps] wool.  "),
            "How to knit. Begin. Take wool.");
  EXPECT_EQ(CleanHellaSwag("[header] a [b [c] d] e"), " a d] e");  // the space after a bracket at the front stays
  EXPECT_EQ(CleanHellaSwag("a [b\nc] d"), "a [b\nc] d");           // brackets do not span lines
  EXPECT_EQ(CleanHellaSwag("a    b   c"), "a  b  c");              // each pair of spaces becomes one, once
}

class TaskFilesTest : public testing::Test {
 protected:
  std::vector<TaskExample> Read(TaskKind task, const std::string& content,
                                const std::optional<std::string>& labels = {}, size_t limit = 0) {
    reference::WriteText(dir_ / "data", content);
    if (labels) reference::WriteText(dir_ / "labels", *labels);
    std::istringstream in;
    std::ostringstream out, err;
    const std::atomic<bool> interrupted = false;
    ToolIo io{in, out, err, interrupted};
    return ReadTask(task, {dir_ / "data", labels ? std::optional(dir_ / "labels") : std::nullopt, limit}, io);
  }

  void Refused(const std::string& task, const std::string& content, const std::vector<std::string>& words,
               const Args& more = {}) {
    reference::WriteText(dir_ / "data", content);
    Args args = {"task", "--task", task, "--data", dir_ / "data", "--model", model_};
    args.insert(args.end(), more.begin(), more.end());
    SCOPED_TRACE(content);
    ExpectRefused(RunTool(EvalMain, args), "dcp-eval", words);
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

TEST_F(TaskFilesTest, LambadaAsJsonLines) {
  const auto examples = Read(TaskKind::kLambada,
                             "{\"text\": \"\\\"Go on,\\\" said Mary to  Tom\", \"more\": 1}\n\n"
                             "{\"text\":\"alone\"}\n{\"text\": \"ends with a space \"}");
  ASSERT_EQ(examples.size(), 3u);
  EXPECT_EQ(examples[0].choices[0].context, "\"Go on,\" said Mary to ");
  EXPECT_EQ(examples[0].choices[0].continuation, " Tom");
  EXPECT_EQ(examples[0].choices.size(), 1u);
  EXPECT_EQ(examples[1].choices[0].context, "");
  EXPECT_EQ(examples[1].choices[0].continuation, " alone");
  EXPECT_EQ(examples[1].line, 3u);
  EXPECT_EQ(examples[2].choices[0].continuation, " ");  // as text.split(' ') has it
}

TEST_F(TaskFilesTest, LambadaAsPlainText) {
  const auto examples = Read(TaskKind::kLambada, "he gave it to helen \r\n  she said yes\n");
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].choices[0].context, "he gave it to");
  EXPECT_EQ(examples[0].choices[0].continuation, " helen");
  EXPECT_EQ(examples[1].choices[0].context, "she said");
}

TEST_F(TaskFilesTest, HellaSwag) {
  const std::string line =
      "{\"ind\": 24, \"activity_label\": \"Roof shingle removal\", \"ctx_a\": \"A man is sitting on a roof.\", "
      "\"ctx_b\": \"he and Bob\", \"ctx\": \"not used\", \"split\": \"val\", \"endings\": [\"is using wrap. \", "
      "\"[substeps] starts  pulling up.\", \"is [title] up\", \"d\"], \"label\": ";
  const auto examples = Read(TaskKind::kHellaSwag, line + "3}\n" + line + "\"1\"}\n");
  ASSERT_EQ(examples.size(), 2u);
  ASSERT_EQ(examples[0].choices.size(), 4u);
  const char* endings[] = {"is using wrap.", " starts pulling up.", "is. up", "d"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(examples[0].choices[i].context, "Roof shingle removal: A man is sitting on a roof. He and bob");
    EXPECT_EQ(examples[0].choices[i].text, endings[i]);
    EXPECT_EQ(examples[0].choices[i].continuation, std::string(" ") + endings[i]);
  }
  EXPECT_EQ(examples[0].gold, 3u);
  EXPECT_EQ(examples[1].gold, 1u);
}

TEST_F(TaskFilesTest, HellaSwagWithoutASecondContext) {
  const auto examples = Read(TaskKind::kHellaSwag,
                             "{\"activity_label\": \"Cooking\", \"ctx_a\": \"[header] How to fry [title] Heat it.\", "
                             "\"ctx_b\": \"\", \"endings\": [\"a\", \"b\"], \"label\": 0}");
  EXPECT_EQ(examples[0].choices[0].context, "Cooking: How to fry. Heat it.");
}

TEST_F(TaskFilesTest, Piqa) {
  const std::string data =
      "{\"goal\": \"To open a jar\", \"sol1\": \"twist\", \"sol2\": \"shout at it\"}\n"
      "{\"goal\": \"b\", \"sol1\": \"c\", \"sol2\": \"d\", \"label\": 1}\n";
  const auto examples = Read(TaskKind::kPiqa, data, "1\n0\n");
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].choices[0].context, "Question: To open a jar\nAnswer:");
  EXPECT_EQ(examples[0].choices[1].continuation, " shout at it");
  EXPECT_EQ(examples[0].gold, 1u);
  EXPECT_EQ(examples[1].gold, 0u);
  EXPECT_EQ(Read(TaskKind::kPiqa, data.substr(data.find('\n')))[0].gold, 1u);
  EXPECT_EQ(Read(TaskKind::kPiqa, data, "1\n0\n", 1).size(), 1u);
}

TEST_F(TaskFilesTest, WinoGrandeScoresWhatFollowsTheBlank) {
  const auto examples =
      Read(TaskKind::kWinoGrande,
           "{\"qID\": \"x\", \"sentence\": \"Ann met Eve because _  was late. \", \"option1\": \"Ann\", "
           "\"option2\": \"Eve\", \"answer\": \"2\"}");
  ASSERT_EQ(examples[0].choices.size(), 2u);
  EXPECT_EQ(examples[0].choices[0].context, "Ann met Eve because Ann");
  EXPECT_EQ(examples[0].choices[1].context, "Ann met Eve because Eve");
  EXPECT_EQ(examples[0].choices[0].continuation, " was late.");
  EXPECT_EQ(examples[0].choices[1].continuation, " was late.");
  EXPECT_EQ(examples[0].gold, 1u);
}

TEST_F(TaskFilesTest, ClozeRewordsNothing) {
  const auto examples =
      Read(TaskKind::kCloze, "{\"context\": \"a [b]  c\", \"endings\": [\"X  y\", \"z\", \"w\"], \"label\": 2}");
  EXPECT_EQ(examples[0].choices[0].context, "a [b]  c");
  EXPECT_EQ(examples[0].choices[0].continuation, " X  y");
  EXPECT_EQ(examples[0].gold, 2u);
}

TEST_F(TaskFilesTest, WhatIsNotInTheFormatIsNamed) {
  const std::string data = dir_ / "data";
  Refused("lambada", "", {data, "0 examples"});
  Refused("lambada", " \n\n", {data, "0 examples"});
  Refused("lambada", "{\"text\": \"a b\"}\n{\"txt\": \"a b\"}", {data, "line 2", "text"});
  Refused("lambada", "{\"text\": 7}", {data, "line 1", "text", "7", "string"});
  Refused("lambada", "{\"text\": \" \"}", {data, "line 1", "text", "word"});
  Refused("lambada", "{\"text\": \"a b\"}\n{\"text\"", {data, "line 2", "not valid JSON"});
  Refused("cloze", "[1]", {data, "line 1", "an array", "object"});
  Refused("cloze", "{\"context\": \"a\", \"endings\": \"b\", \"label\": 0}", {"line 1", "endings", "\"b\"", "array"});
  Refused("cloze", "{\"context\": \"a\", \"endings\": [\"b\"], \"label\": 0}", {"line 1", "endings", "2"});
  Refused("cloze", "{\"context\": \"a\", \"endings\": [\"b\", 3], \"label\": 0}", {"line 1", "endings", "string"});
  Refused("cloze", "{\"context\": \"a\", \"endings\": [\"b\", \"c\"], \"label\": 2}",
          {"line 1", "label", "2", "0 to 1"});
  Refused("hellaswag", "{\"activity_label\": \"a\", \"ctx_a\": \"b\", \"ctx_b\": \"c\", \"endings\": [\"d\", \"e\"]}",
          {"line 1", "label"});
  Refused("winogrande", "{\"sentence\": \"no blank\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"1\"}",
          {"line 1", "sentence", "no blank", "_"});
  Refused("winogrande", "{\"sentence\": \"a _\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"\"}",
          {"line 1", "answer", "\"1\" or \"2\""});
}

TEST_F(TaskFilesTest, LabelsOfPiqa) {
  const std::string data = "{\"goal\": \"a\", \"sol1\": \"b\", \"sol2\": \"c\"}\n";
  const std::string labels = dir_ / "labels.lst";
  Refused("piqa", data, {"line 1", "label", "--labels"});
  Refused("piqa", data, {labels, "No such file"}, {"--labels", labels});
  reference::WriteText(labels, "1\n2\n");
  Refused("piqa", data + data, {labels, "line 2", "\"2\"", "0 or 1"}, {"--labels", labels});
  reference::WriteText(labels, "1\n");
  Refused("piqa", data + data, {labels, "1 labels", "2 examples"}, {"--labels", labels});
  Refused("lambada", "a b", {"--labels", "lambada"}, {"--labels", labels});
}

TEST_F(TaskFilesTest, UsageOfTask) {
  Refused("squad", "a", {"squad", "winogrande"});
  Refused("lambada", "a b", {"--limit", "-1"}, {"--limit", "-1"});
  Refused("lambada", "a b", {"--batch", "0"}, {"--batch", "0"});
  ExpectRefused(RunTool(EvalMain, {"task", "--task", "lambada", "--model", model_}), "dcp-eval", {"--data"});
  ExpectRefused(RunTool(EvalMain, {"task", "--task", "lambada", "--data", dir_ / "gone", "--model", model_}),
                "dcp-eval", {dir_ / "gone"});
  Refused("lambada", "a " + std::string(120, 'b'), {"line 1", "121 tokens", "96 positions"});
}

// With a tokenizer that merges, the two texts are not simply set side by side.
TEST(EncodePair, JoinsAsTheHarnessDoes) {
  const Tokenizer tokenizer = Tokenizer::Load(std::string(DCP_SOURCE_DIR) + "/tests/data/books-tiny");
  const auto ids = [&](const char* text) { return tokenizer.Encode(text); };
  const IdPair plain = EncodePair("He said", " nothing", tokenizer, "x");
  EXPECT_EQ(plain.context, ids("He said"));
  EXPECT_EQ(plain.continuation, ids(" nothing"));
  // White space at the end of the context is the continuation's.
  const IdPair moved = EncodePair("He said \n", "nothing", tokenizer, "x");
  EXPECT_EQ(moved.context, ids("He said"));
  EXPECT_EQ(moved.continuation, ids(" \nnothing"));
  // "th" + "e man" is "the man", of which the ids after the first one (as many as "th" has) are scored.
  ASSERT_EQ(ids("th").size(), 1u);
  ASSERT_EQ(ids("the").size(), 1u);
  const IdPair merged = EncodePair("th", "e man", tokenizer, "x");
  EXPECT_EQ(merged.context, ids("th"));
  EXPECT_EQ(merged.continuation, ids(" man"));
  EXPECT_THROW(EncodePair("th", "e", tokenizer, "x"), Error);
  const IdPair empty = EncodePair("", " man", tokenizer, "x");
  EXPECT_EQ(empty.context, std::vector<TokenId>{*tokenizer.end_of_text()});
  EXPECT_EQ(empty.continuation, ids(" man"));
}

TEST(CutLeft, LeavesWhatFits) {
  IdPair pair = {{1, 2, 3, 4, 5}, {6, 7, 8}};
  EXPECT_EQ(CutLeft(pair, 7, "x"), 0u);  // 7 are fed, the last is not
  EXPECT_EQ(CutLeft(pair, 5, "x"), 2u);
  EXPECT_EQ(pair.context, (std::vector<TokenId>{3, 4, 5}));
  EXPECT_EQ(CutLeft(pair, 3, "x"), 2u);
  EXPECT_EQ(pair.context, (std::vector<TokenId>{5}));
  EXPECT_THROW(CutLeft(pair, 2, "x"), Error);
  EXPECT_EQ(pair.continuation, (std::vector<TokenId>{6, 7, 8}));
}

}  // namespace
}  // namespace dcp::tools
