// Files of torch.save, made by torch itself (tests/oracle/make_torch_files.py) or written here byte by byte.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/json.h"
#include "dcp-finetune/convert/pickle.h"
#include "dcp/error.h"
#include "dcp/model.h"
#include "io/checkpoint.h"
#include "io/gpt2_tensors.h"
#include "tests/finetune/run_tool.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::finetune {
namespace {

namespace fs = std::filesystem;

using reference::ReadText;
using reference::WriteText;

const fs::path kTorchFiles = fs::path(DCP_SOURCE_DIR) / "tests/data/torch";

constexpr char kConfig[] =
    R"({"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 4, "n_positions": 6, "vocab_size": 12})";

class Convert : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / (std::string("convert_") + test->name() + "_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_ / "base");
    WriteText(root_ / "base/config.json", kConfig);
  }
  void TearDown() override { fs::remove_all(root_); }

  void Copy(const char* file, const char* as = "pytorch_model.bin") const {
    fs::copy_file(kTorchFiles / file, root_ / "base" / as, fs::copy_options::overwrite_existing);
  }

  Outcome Run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"convert", "--base", (root_ / "base").string(), "--out", (root_ / "out").string()};
    args.insert(args.end(), more.begin(), more.end());
    return RunTool(args);
  }

  // One line that names the file and holds `words`, exit status 2, and nothing written.
  void ExpectRefusal(const Outcome& outcome, const std::vector<std::string>& words) const {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    for (const std::string& word : words) EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
    const auto entries = fs::directory_iterator(root_);
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "something beside base/";
  }

  // The tensors of out/ are those that make_torch_files.py wrote.
  void ExpectTheModel() const {
    const Checkpoint checkpoint = Checkpoint::Open(root_ / "out");
    int number = 0;
    ForEachTensor(checkpoint.config(), [&](const TensorSpec& spec) {
      const std::vector<float> values = checkpoint.Read(spec.name, spec.shape);
      for (int i = 0; i < static_cast<int>(values.size()); ++i) {
        ASSERT_EQ(values[i], static_cast<float>((37 * i + 11 * number) % 101 - 50) / 64) << spec.name << " " << i;
      }
      ++number;
    });
    EXPECT_EQ(number, 16);
  }

  fs::path root_;
};

TEST_F(Convert, ReadsBothFormsOfTorchSave) {
  for (const char* file : {"archive.bin", "pickles.bin", "odd-archive.bin", "odd-pickles.bin"}) {
    SCOPED_TRACE(file);
    Copy(file);
    const Outcome outcome = Run({"--overwrite"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    ExpectTheModel();
    EXPECT_FALSE(fs::exists(root_ / "out/scratch"));
  }
}

TEST_F(Convert, ReadsShards) {
  for (const char* file : {"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"}) Copy(file, file);
  Copy("pytorch_model.bin.index.json", "pytorch_model.bin.index.json");
  const Outcome outcome = Run();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  ExpectTheModel();
  fs::remove_all(root_ / "out");
  fs::remove(root_ / "base/pytorch_model-00002-of-00002.bin");
  ExpectRefusal(Run(), {"pytorch_model.bin.index.json", "pytorch_model-00002-of-00002.bin"});
}

TEST_F(Convert, TheResultIsCleanWhateverTheSource) {
  ModelConfig config = reference::SmallConfig(2, 2, 4, 3, 40, 16);
  const reference::MakeOptions options = {
      .type = WeightType::kF16, .shards = 3, .transformer_prefix = true, .attention_buffers = true, .lm_head = true};
  reference::MakeCheckpoint(root_ / "base", config, options);
  WriteText(root_ / "base/tokenizer_config.json", "{\n}");
  WriteText(root_ / "base/generation_config.json", "{}");
  const Outcome outcome = Run();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Checkpoint before = Checkpoint::Open(root_ / "base"), after = Checkpoint::Open(root_ / "out");
  EXPECT_EQ(after.stored_type(), WeightType::kF16);
  ForEachTensor(config, [&](const TensorSpec& spec) {
    EXPECT_EQ(before.Read(spec.name, spec.shape), after.Read(spec.name, spec.shape)) << spec.name;
  });
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(root_ / "out")) files.push_back(entry.path().filename().string());
  std::sort(files.begin(), files.end());
  EXPECT_EQ(files, (std::vector<std::string>{"config.json", "generation_config.json", "model.safetensors",
                                             "tokenizer_config.json"}));
  ASSERT_EQ(Run({"--overwrite", "--dtype", "f32"}).status, 0);
  EXPECT_EQ(Checkpoint::Open(root_ / "out").stored_type(), WeightType::kF32);
}

TEST_F(Convert, LeavesAModelThatIsThereAlone) {
  Copy("archive.bin");
  ASSERT_EQ(Run().status, 0);
  const std::string model = ReadText(root_ / "out/model.safetensors");
  const Outcome again = Run();
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.err.find("--overwrite"), std::string::npos) << again.err;
  EXPECT_TRUE(ReadText(root_ / "out/model.safetensors") == model);
}

TEST_F(Convert, RunsNothingThatAFileNames) {
  for (const char* file : {"command-archive.bin", "command-pickles.bin"}) {
    Copy(file);
    testing::internal::CaptureStdout();
    ExpectRefusal(Run(), {"pytorch_model.bin", "posix.system", "nothing of it was run"});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  }
}

TEST_F(Convert, DamagedFilesAreOneClearLine) {
  for (const char* file : {"archive.bin", "pickles.bin"}) {
    const std::string whole = ReadText(kTorchFiles / file);
    for (size_t size : {size_t{0}, size_t{3}, size_t{20}, whole.size() / 2, whole.size() - 30, whole.size() - 1}) {
      SCOPED_TRACE(std::string(file) + " " + std::to_string(size));
      WriteText(root_ / "base/pytorch_model.bin", whole.substr(0, size));
      ExpectRefusal(Run(), {"pytorch_model.bin"});
    }
  }
  WriteText(root_ / "base/pytorch_model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  ExpectRefusal(Run(), {"pytorch_model.bin", "Git LFS"});
}

// Every byte changed in turn: an error in one line, or a file that still reads.
TEST_F(Convert, NoByteOfAPickleCanDoHarm) {
  const std::string whole = ReadText(kTorchFiles / "pickles.bin");
  for (size_t i = 0; i < whole.size(); i += 7) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (i % 2 == 0 ? 0xff : 0x10));
    WriteText(root_ / "base/pytorch_model.bin", bytes);
    const Outcome outcome = Run({"--overwrite"});
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 2) << i << ": " << outcome.err;
    EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 3) << i << ": " << outcome.err;
  }
}

TEST_F(Convert, TheModelMustBeOneOfThis) {
  Copy("archive.bin");
  WriteText(root_ / "base/config.json", std::string(kConfig).replace(std::string(kConfig).find(": 4"), 3, ": 8"));
  ExpectRefusal(Run(), {"base/pytorch_model.bin", "h.0.attn.c_attn.bias", "[24]"});
}

// --- The reader of pickles by itself.

const PickleValue& ReadPickle(Pickle& pickle, std::string_view bytes) { return pickle.Read(bytes); }

Pickle NothingKnown() {
  return Pickle([](std::string_view) { return false; });
}

TEST(PickleReader, ReadsValues) {
  // {"a": [1, -2, 70000, None, True, 1.5], "b": ("x",)}, protocol 2
  using namespace std::string_view_literals;
  Pickle pickle = NothingKnown();
  const PickleValue& root =
      ReadPickle(pickle,
                 "\x80\x02}q\x00(X\x01\x00\x00\x00"
                 "aq\x01]q\x02(K\x01J\xfe\xff\xff\xffJp\x11\x01\x00N\x88G\x3f\xf8\x00\x00\x00\x00\x00\x00"
                 "eX\x01\x00\x00\x00"
                 "bq\x03X\x01\x00\x00\x00xq\x04\x85q\x05u."sv);
  const PickleValue* a = root.Find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->items.size(), 6u);
  EXPECT_EQ(a->items[1]->integer, -2);
  EXPECT_EQ(a->items[2]->integer, 70000);
  EXPECT_EQ(a->items[3]->kind, PickleValue::Kind::kNone);
  EXPECT_EQ(a->items[5]->real, 1.5);
  EXPECT_EQ(root.Find("b")->items.at(0)->text, "x");
  EXPECT_EQ(root.Find("c"), nullptr);
}

TEST(PickleReader, RefusesWhatIsNoPlainData) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {
           ""sv,
           "."sv,
           "\x80\x02"sv,
           "\x80\x02N"sv,
           "\x80\x01N."sv,
           "\x80\x02R."sv,
           "\x80\x02)R."sv,
           "\x80\x02h\x07."sv,
           "\x80\x02t."sv,
           "\x80\x02(u."sv,
           "\x80\x02}(NuN."sv,
           "\x80\x02X\xff\xff\xff\xff"sv,
           "\x80\x02q\x00."sv,
           "\x80\x02"
           "cos\nsystem\n."sv,
           "\x80\x04\x8c\x02os\x8c\x06system\x93."sv,
           "\x80\x02ios\nsystem\n."sv,
           "\x80\x02NN\x81."sv,
           "\x80\x02Nb."sv,
           "\x80\x02]N\x86Q"sv,
           "\x80\x02Q."sv,
           "\x80\x02\x85."sv,
           "\x80\x02\x95"sv,
       }) {
    Pickle pickle = NothingKnown();
    EXPECT_THROW(ReadPickle(pickle, bytes), Error) << bytes;
  }
}

TEST(PickleReader, NestingAndRepetitionCostNoMoreThanTheBytes) {
  Pickle pickle = NothingKnown();
  std::string deep = "\x80\x02";
  for (int i = 0; i < 1000000; ++i) deep += "]";
  for (int i = 1; i < 1000000; ++i) deep += "a";
  EXPECT_EQ(ReadPickle(pickle, deep + ".").items.size(), 1u);
  // A long list of pairs, made an OrderedDict again and again.
  std::string bomb(
      "\x80\x02"
      "ccollections\nOrderedDict\nq\x00"
      "0](",
      34);
  for (int i = 0; i < 10000; ++i) bomb += "NN\x86";
  bomb +=
      "e\x85q\x01"
      "0";
  for (int i = 0; i < 10000; ++i) bomb += std::string("h\x00h\x01R", 5);
  EXPECT_THROW(ReadPickle(pickle, bomb + "."), Error);
}

}  // namespace
}  // namespace dcp::finetune
