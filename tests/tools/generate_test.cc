// dcp-generate: prompts from everywhere, text and JSON out, batches, stop texts, Ctrl-C.
#include <gtest/gtest.h>

#include <algorithm>

#include "dcp-generate/generate_tool.h"
#include "dcp/simd.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

class GenerateTool : public testing::Test {
 protected:
  // Arguments after the model, which come first in every call.
  Args With(const Args& more) const {
    Args args = {"--model", model_};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }

  Json SequencesOf(const Args& more, const World& world = {}) const {
    Args args = With(more);
    args.push_back("--json");
    return Generate(args, world).json()["sequences"];
  }

  TempDir dir_;
  std::string model_ = MakeByteModel(dir_);
};

std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST_F(GenerateTool, InstructionSetsAgree) {
  const Args args = {"--prompt", "abcdefg", "--max-new-tokens", "8", "--ignore-eos"};
  const Json best = SequencesOf(args);
  for (const std::string& target : SimdTargets()) {
    Args with = args;
    with.insert(with.end(), {"--simd", target});
    EXPECT_EQ(SequencesOf(with), best) << target;
  }
}

TEST_F(GenerateTool, JsonHasEveryField) {
  const auto run = Generate(With({"--prompt", "abc", "--max-new-tokens", "8", "--ignore-eos", "--threads", "2", "--kv",
                                  "f16", "--weights", "bf16", "--json"}));
  const Json json = run.json();
  EXPECT_EQ(Keys(json), (Args{"model", "policy", "weights", "kv", "threads", "sequences", "stats"}));
  EXPECT_EQ(json["model"], model_);
  EXPECT_EQ(json["policy"], "learned");
  EXPECT_EQ(json["weights"], "bf16");
  EXPECT_EQ(json["kv"], "f16");
  EXPECT_EQ(json["threads"], 2);
  const Json& sequence = json["sequences"][0];
  EXPECT_EQ(Keys(sequence), (Args{"prompt_ids", "generated_ids", "text", "finish_reason", "kept"}));
  EXPECT_EQ(sequence["prompt_ids"], Json({'a', 'b', 'c'}));
  EXPECT_EQ(sequence["generated_ids"].size(), 8u);
  EXPECT_EQ(sequence["kept"].size(), 2u);

  const Json& stats = json["stats"];
  EXPECT_EQ(Keys(stats), (Args{"prefill_tokens", "prefill_seconds", "decode_tokens", "decode_seconds", "decode_ms_p50",
                               "decode_ms_p95", "sparsity", "kv_bytes_live", "kv_bytes_reserved", "kv_bytes_dense",
                               "peak_rss_bytes"}));
  EXPECT_EQ(stats["prefill_tokens"], 3);
  EXPECT_EQ(stats["decode_tokens"], 7);
  EXPECT_GT(stats["decode_seconds"], 0.0);
  EXPECT_GT(stats["decode_ms_p50"], 0.0);
  EXPECT_GE(stats["decode_ms_p95"], stats["decode_ms_p50"]);
  EXPECT_LT(stats["decode_ms_p50"].get<double>(), 1e3 * stats["decode_seconds"].get<double>());
  // K and V of 10 fed tokens in 2 layers of width 16, 2 bytes each.
  EXPECT_EQ(stats["kv_bytes_dense"], 10 * 2 * 2 * 16 * 2);
  EXPECT_GT(stats["kv_bytes_live"], 0);
  EXPECT_GE(stats["kv_bytes_reserved"], stats["kv_bytes_live"]);
  EXPECT_GT(stats["peak_rss_bytes"], 1 << 20);
}

TEST_F(GenerateTool, TraceTellsEveryDrop) {
  const Json sequence = SequencesOf({"--prompt", "What is kept, and what is not?", "--max-new-tokens", "20",
                                     "--ignore-eos", "--trace", dir_ / "t"})[0];
  const Json trace = Json::parse(reference::ReadText(dir_ / "t"))["sequences"][0];
  EXPECT_EQ(Keys(trace), (Args{"prompt_tokens", "ids", "tokens", "layers"}));
  const auto prompt = sequence["prompt_ids"].get<std::vector<TokenId>>();
  auto fed = prompt;
  for (const Json& id : sequence["generated_ids"]) fed.push_back(id);
  fed.pop_back();
  EXPECT_EQ(trace["prompt_tokens"], prompt.size());
  EXPECT_EQ(trace["ids"].get<std::vector<TokenId>>(), fed);
  ASSERT_EQ(trace["tokens"].size(), fed.size());
  EXPECT_EQ(trace["tokens"][0], "W");
  size_t drops = 0;
  for (size_t layer = 0; layer < 2; ++layer) {
    const Json& log = trace["layers"][layer];
    ASSERT_EQ(log["dropped_at"].size(), fed.size());
    ASSERT_EQ(log["dropped_by_score"].size(), fed.size());
    std::vector<int> kept;
    for (int j = 0; j < static_cast<int>(fed.size()); ++j) {
      const int dropped_at = log["dropped_at"][j];
      const Json& score = log["dropped_by_score"][j];
      if (dropped_at < 0) {
        EXPECT_EQ(dropped_at, -1);
        EXPECT_TRUE(score.is_null());
        kept.push_back(j);
      } else {
        EXPECT_GT(dropped_at, j);
        EXPECT_LE(score, 0.0);
        ++drops;
      }
    }
    EXPECT_EQ(sequence["kept"][layer], Json(kept));
  }
  EXPECT_GT(drops, 5u);
}

// What the first layer drops of a given text depends on the text alone: the same deciders, with or without a delay.
TEST_F(GenerateTool, TraceTellsTheEvictionDelay) {
  constexpr int kDelay = 5;
  ModelConfig config = ByteModelConfig();
  config.eviction_delay = kDelay;
  const std::string delayed = MakeByteModel(dir_, "delayed", config);
  const auto trace_of = [&](const std::string& model, const Args& more) {
    Args args = {"--model",          model, "--prompt", "What is kept, and what is not, and for how long?",
                 "--max-new-tokens", "1",   "--trace",  dir_ / "t"};
    args.insert(args.end(), more.begin(), more.end());
    Generate(args);
    return Json::parse(reference::ReadText(dir_ / "t"));
  };
  const Json at_once = trace_of(model_, {}), later = trace_of(delayed, {});
  EXPECT_EQ(Keys(at_once), Args{"sequences"});
  EXPECT_EQ(Keys(later), (Args{"eviction_delay", "sequences"}));
  EXPECT_EQ(later["eviction_delay"], kDelay);
  EXPECT_EQ(trace_of(delayed, {"--policy", "window:4"}), trace_of(model_, {"--policy", "window:4"}));

  const Json& plain = at_once["sequences"][0]["layers"][0]["dropped_at"];
  const Json& shifted = later["sequences"][0]["layers"][0]["dropped_at"];
  int drops = 0;
  for (size_t j = 0; j < plain.size(); ++j) {
    const int decider = plain[j];
    const bool gone = decider >= 0 && decider + kDelay < static_cast<int>(plain.size());
    EXPECT_EQ(shifted[j], gone ? decider + kDelay : -1) << "token " << j;
    drops += gone;
  }
  EXPECT_GT(drops, 10);
}

TEST_F(GenerateTool, LogitsFileHoldsOneRowForEachPrompt) {
  const Json sequences = SequencesOf(
      {"--prompt", "one", "--prompt", "two two", "--max-new-tokens", "3", "--ignore-eos", "--logits", dir_ / "logits"});
  const Json rows = Json::parse(reference::ReadText(dir_ / "logits"))["sequences"];
  ASSERT_EQ(rows.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const auto logits = rows[i]["prompt_logits"].get<std::vector<double>>();
    ASSERT_EQ(logits.size(), 257u);
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    EXPECT_EQ(sequences[i]["generated_ids"][0], best);
  }
}

TEST_F(GenerateTool, SamePromptFromEverywhere) {
  const std::string text = "a {} [x,y] \"q\"\n-\tcaf\xc3\xa9";
  reference::WriteText(dir_ / "prompt.txt", text);
  const std::string line = Json{{"prompt", text}}.dump();
  std::string ids;
  for (const char c : text) ids += (ids.empty() ? "" : " , ") + std::to_string(static_cast<unsigned char>(c));
  reference::WriteText(dir_ / "prompt.jsonl", "\n" + line + "\r\n");

  const Args more = {"--max-new-tokens", "5", "--temperature", "1", "--seed", "3"};
  const auto run = [&](Args args, const std::string& in) {
    args.insert(args.end(), more.begin(), more.end());
    return SequencesOf(args, {.in = in});
  };
  const Json expected = run({"--prompt", text}, "");
  EXPECT_EQ(expected[0]["prompt_ids"].size(), text.size());
  EXPECT_EQ(run({"--prompt-file", dir_ / "prompt.txt"}, ""), expected);
  EXPECT_EQ(run({"--prompt-file", "-"}, text), expected);
  EXPECT_EQ(run({"-"}, text), expected);
  EXPECT_EQ(run({"--prompt-ids", ids}, ""), expected);
  EXPECT_EQ(run({"--input", dir_ / "prompt.jsonl"}, ""), expected);
  EXPECT_EQ(run({"--input", "-"}, line), expected);
  EXPECT_EQ(run({"--input", "-"}, "{\"prompt_ids\": " + expected[0]["prompt_ids"].dump() + "}"), expected);
}

TEST_F(GenerateTool, PromptFilesOfOtherEncodingsAreReadAsTheyAreWithAWarning) {
  const std::pair<std::string, const char*> cases[] = {{"\xFF\xFEW\x01", "UTF-16"},
                                                       {"\xEF\xBB\xBFW", "byte-order mark"}};
  for (const auto& [bytes, what] : cases) {
    reference::WriteText(dir_ / "marked.txt", bytes);
    const auto run = RunTool(
        GenerateMain, {"--model", model_, "--prompt-file", dir_ / "marked.txt", "--max-new-tokens", "2", "--json"});
    ASSERT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(Json::parse(run.out)["sequences"][0]["prompt_ids"].size(), bytes.size());
    EXPECT_NE(run.err.find("dcp-generate: warning: " + (dir_ / "marked.txt") + ": begins with"), std::string::npos)
        << run.err;
    EXPECT_NE(run.err.find(what), std::string::npos) << run.err;
  }
}

TEST_F(GenerateTool, PromptMayLookLikeAnOption) {
  for (const std::string prompt : {"--json", "-5 degrees", "{}", "[1,2]", "-"}) {
    EXPECT_EQ(SequencesOf({"--prompt", prompt, "--max-new-tokens", "1"})[0]["prompt_ids"].size(), prompt.size());
  }
}

TEST_F(GenerateTool, BatchMatesAndThreadsChangeNothing) {
  std::string lines;
  for (const char* prompt : {"A", "a longer prompt than the others, by far", "bb", "ccc ccc", "dddd"}) {
    lines += Json{{"prompt", prompt}}.dump() + "\n";
  }
  const auto run = [&](const char* max_batch, const char* threads) {
    return SequencesOf({"--input", "-", "--max-batch", max_batch, "--threads", threads, "--temperature", "0.9",
                        "--top-k", "50", "--top-p", "0.9", "--seed", "11", "--max-new-tokens", "30"},
                       {.in = lines});
  };
  const Json expected = run("0", "1");
  ASSERT_EQ(expected.size(), 5u);
  EXPECT_EQ(run("1", "1"), expected);
  EXPECT_EQ(run("2", "3"), expected);
  EXPECT_EQ(run("9", "2"), expected);
}

TEST_F(GenerateTool, SeedChangesTheText) {
  const Args args = {"--prompt", "abc", "--temperature", "1", "--max-new-tokens", "20", "--seed"};
  Args one = args, two = args;
  one.push_back("1");
  two.push_back("2");
  EXPECT_EQ(SequencesOf(one), SequencesOf(one));
  EXPECT_NE(SequencesOf(one), SequencesOf(two));
}

TEST_F(GenerateTool, StreamsPlainText) {
  const Args args = {"--prompt", "Once", "--max-new-tokens", "12", "--ignore-eos"};
  const Json sequence = SequencesOf(args)[0];
  std::string bytes;
  for (const Json& id : sequence["generated_ids"]) {
    if (id < 256) bytes += static_cast<char>(id.get<int>());
  }
  const auto run = Generate(With(args));
  EXPECT_EQ(run.out, bytes + "\n");
  EXPECT_EQ(run.err_lines(), 1u);
  for (const char* word : {"12 tokens", "tokens/s", "sparsity 0.", "at context 14", "reserved", "dense"}) {
    EXPECT_NE(run.err.find(word), std::string::npos) << run.err;
  }
}

TEST_F(GenerateTool, PrintsSeveralTextsInOrder) {
  const Args prompts = {"--max-new-tokens", "6", "--prompt", "x", "--prompt", "yy", "--prompt", "zzz"};
  std::string expected;
  for (const char* prompt : {"x", "yy", "zzz"}) {
    expected += Generate(With({"--prompt", prompt, "--max-new-tokens", "6"})).out;
  }
  for (const char* max_batch : {"0", "1", "2"}) {
    Args args = With(prompts);
    args.insert(args.end(), {"--max-batch", max_batch});
    const auto run = Generate(args);
    EXPECT_EQ(run.out, expected);
    EXPECT_EQ(run.err.substr(0, 18), "[1/3]\n[2/3]\n[3/3]\n");
  }
}

TEST_F(GenerateTool, WithoutTokenizerIdsStandForText) {
  reference::MakeCheckpoint(dir_ / "bare", ByteModelConfig());
  const Args args = {"--model", dir_ / "bare", "--prompt-ids", "1,2,3", "--max-new-tokens", "4"};
  Args with_json = args;
  with_json.push_back("--json");
  const auto ids = Generate(with_json).json()["sequences"][0]["generated_ids"].get<std::vector<TokenId>>();
  EXPECT_EQ(Generate(args).out, Join(ids) + "\n");
}

TEST_F(GenerateTool, VocabularyMayBePadded) {
  ModelConfig config = ByteModelConfig();
  config.vocab_size = 400;
  const std::string padded = MakeByteModel(dir_, "padded", config);
  const auto run = Generate({"--model", padded, "--prompt", "abc", "--max-new-tokens", "40", "--ignore-eos",
                             "--temperature", "2", "--json", "--trace", dir_ / "t"});
  const auto ids = run.json()["sequences"][0]["generated_ids"].get<std::vector<TokenId>>();
  EXPECT_GE(*std::max_element(ids.begin(), ids.end()), 257) << "the test needs an id that the tokenizer lacks";
  EXPECT_EQ(Json::parse(reference::ReadText(dir_ / "t"))["sequences"][0]["tokens"].size(), 42u);
}

TEST_F(GenerateTool, StopTextEndsBeforeIt) {
  const Args args = {"--prompt", "Stop?", "--max-new-tokens", "40", "--ignore-eos", "--temperature", "1.5"};
  const Json free = SequencesOf(args)[0];
  // Two neighbouring ASCII characters of the text, wherever they first are.
  const auto ids = free["generated_ids"].get<std::vector<TokenId>>();
  size_t at = 4;
  while (at + 1 < ids.size() && !(ids[at] < 128 && ids[at + 1] < 128)) ++at;
  ASSERT_LT(at + 1, ids.size());
  const std::string stop = {static_cast<char>(ids[at]), static_cast<char>(ids[at + 1])};

  Args stopping = args;
  stopping.insert(stopping.end(), {"--stop", "never there", "--stop", stop});
  const Json stopped = SequencesOf(stopping)[0];
  EXPECT_EQ(stopped["finish_reason"], "stop");
  EXPECT_EQ(stopped["generated_ids"].size(), at + 2);
  const std::string whole = Generate(With(args)).out;
  const std::string text = Generate(With(stopping)).out;
  EXPECT_EQ(text, whole.substr(0, whole.find(stop)) + "\n");
}

TEST_F(GenerateTool, ContextEndsASequence) {
  const std::string full(96, 'x');
  const Json sequence = SequencesOf({"--prompt", full, "--ignore-eos"})[0];
  EXPECT_EQ(sequence["finish_reason"], "context");
  EXPECT_EQ(sequence["generated_ids"].size(), 1u);
}

TEST_F(GenerateTool, PoliciesAndTheirOptions) {
  struct Case {
    std::string name;
    Args options;
    size_t kept;  // of positions 0 .. 14
  };
  const std::vector<Case> cases = {
      {"dense", {"--policy", "dense"}, 15},
      {"window:4", {"--policy", "window:4"}, 4},
      {"sinks:1,3", {"--policy", "sinks:1,3"}, 4},
      {"strided:4,3", {"--policy", "strided:4,3"}, 8},
      {"h2o:6", {"--policy", "h2o:6"}, 6},
      {"dense(max-kept=7)", {"--policy", "dense", "--max-kept", "7"}, 7},
      {"learned(threshold=-1000,max-kept=5)", {"--threshold", "-1000", "--max-kept", "5"}, 5},
      {"learned(threshold=1000)", {"--threshold", "1000"}, 1},
  };
  for (const Case& c : cases) {
    Args args = With({"--prompt", "twelve bytes", "--max-new-tokens", "4", "--ignore-eos", "--json"});
    args.insert(args.end(), c.options.begin(), c.options.end());
    const Json json = Generate(args).json();
    EXPECT_EQ(json["policy"], c.name);
    for (const Json& kept : json["sequences"][0]["kept"]) EXPECT_EQ(kept.size(), c.kept) << c.name;
  }
}

TEST_F(GenerateTool, AdapterIsPutOnTop) {
  const std::string plain = MakeByteModel(dir_, "plain", ByteModelConfig(96, 0));
  reference::MakeAdapter(dir_ / "adapter", ByteModelConfig());
  const Args args = {"--model", plain, "--prompt", "some text to forget", "--max-new-tokens", "4", "--json"};
  Args adapted = args;
  adapted.insert(adapted.end(), {"--adapter", dir_ / "adapter"});
  EXPECT_EQ(Generate(args).json()["policy"], "dense");
  EXPECT_EQ(Generate(adapted).json()["policy"], "learned");
}

TEST_F(GenerateTool, InterruptShowsWhatThereIs) {
  const auto run = RunTool(
      GenerateMain,
      With({"--prompt", "a", "--prompt", "b", "--max-batch", "1", "--ignore-eos", "--json", "--trace", dir_ / "t"}),
      {.interrupted = true});
  EXPECT_EQ(run.status, kExitInterrupted);
  const Json sequences = run.json()["sequences"];
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_EQ(sequences[0]["finish_reason"], "cancelled");
  EXPECT_EQ(sequences[1]["finish_reason"], "cancelled");
  EXPECT_EQ(sequences[0]["generated_ids"].size(), 1u);
  EXPECT_EQ(sequences[1]["generated_ids"].size(), 0u);
  const Json trace = Json::parse(reference::ReadText(dir_ / "t"))["sequences"];
  EXPECT_EQ(trace[0]["ids"], Json({'a'}));
  EXPECT_EQ(trace[1]["ids"], Json::array());
}

TEST_F(GenerateTool, InterruptEndsTheStream) {
  const Args args = With({"--prompt", "a", "--max-new-tokens", "90", "--ignore-eos", "--temperature", "1"});
  const auto whole = Generate(args);
  const auto run = RunTool(GenerateMain, args, {.interrupt_at = 20});
  EXPECT_EQ(run.status, kExitInterrupted);
  EXPECT_GE(run.out.size(), 20u);
  EXPECT_LT(run.out.size(), 40u);
  EXPECT_EQ(run.out.back(), '\n');
  EXPECT_EQ(run.out.substr(0, run.out.size() - 1), whole.out.substr(0, run.out.size() - 1));
}

TEST_F(GenerateTool, FullDiskUnderStandardOutput) {
  for (const bool json : {false, true}) {
    Args args = With({"--prompt", "a", "--max-new-tokens", "30", "--ignore-eos"});
    if (json) args.push_back("--json");
    const auto run = RunTool(GenerateMain, args, {.out_capacity = 5});
    EXPECT_EQ(run.status, kExitUsage);
    EXPECT_EQ(run.err, "dcp-generate: standard output: No space left on device\n");
  }
}

}  // namespace
}  // namespace dcp::tools
