#include "io/safetensors.h"

#include <random>

#include "tests/unit/io/io_testing.h"
#include "writers/safetensors_writer.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::RawSafetensors;
using io_testing::TempDir;
using reference::ReadText;
using reference::WriteText;

// Views the text: it must outlive the use.
std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(SafetensorsTest, WhatIsWrittenIsRead) {
  const TempDir dir;
  WriteSafetensors(dir / "f",
                   {{"half", DType::kF16, {3}, Bytes("abcdef")},
                    {"flags", DType::kBool, {2, 1}, Bytes("\1\2")},
                    {"scalar", DType::kF32, {}, Bytes("wxyz")},
                    {"none", DType::kF32, {4, 0}, {}},
                    {"name \"\n\u00e9", DType::kI64, {1}, Bytes("12345678")}},
                   {{"format", "pt"}});
  const SafetensorsFile file = SafetensorsFile::Open(dir / "f");
  ASSERT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(Text(file.tensors().at("half").bytes), "abcdef");
  EXPECT_EQ(Text(file.tensors().at("flags").bytes), "\1\2");
  EXPECT_EQ(Text(file.tensors().at("scalar").bytes), "wxyz");
  EXPECT_EQ(Text(file.tensors().at("name \"\n\u00e9").bytes), "12345678");
  EXPECT_TRUE(file.tensors().at("none").bytes.empty());
  EXPECT_EQ(file.tensors().at("none").shape, (std::vector<int64_t>{4, 0}));
  EXPECT_EQ(file.tensors().at("flags").dtype, DType::kBool);
  EXPECT_EQ(file.tensors().at("flags").shape, (std::vector<int64_t>{2, 1}));
}

TEST(SafetensorsTest, WritingIsDeterministicAndAligned) {
  const TempDir dir;
  const std::vector<TensorToWrite> tensors = {{"b", DType::kF16, {1}, Bytes("ab")},
                                              {"a", DType::kF32, {1}, Bytes("wxyz")}};
  WriteSafetensors(dir / "1", tensors, {{"y", "2"}, {"x", "1"}});
  WriteSafetensors(dir / "2", tensors, {{"x", "1"}, {"y", "2"}});
  const std::string bytes = ReadText(dir / "1");
  EXPECT_EQ(bytes, ReadText(dir / "2"));
  EXPECT_EQ((bytes.size() - 6) % 8, 0u);
  EXPECT_EQ(bytes.substr(bytes.size() - 6), "wxyzab");  // wider types first
}

TEST(SafetensorsTest, WriterRefusesWhatCannotBeRead) {
  const TempDir dir;
  const auto write = [&](std::vector<TensorToWrite> tensors) {
    return [&dir, tensors = std::move(tensors)] { WriteSafetensors(dir / "f", tensors); };
  };
  const auto code = ErrorCode::kInvalidArgument;
  ExpectError(write({{"a", DType::kF32, {2}, Bytes("abcd")}}), code, {"f: tensor a has 4 bytes, F32 [2] needs 8"});
  ExpectError(write({{"a", DType::kU8, {-1}, {}}}), code, {"tensor a has 0 bytes, U8 [-1] needs more than fit"});
  ExpectError(write({{"a", DType::kU8, {0}, {}}, {"a", DType::kU8, {0}, {}}}), code, {"tensor a is given twice"});
  ExpectError(write({{"__metadata__", DType::kU8, {0}, {}}}), code, {"__metadata__: the format reserves this name"});
  ExpectError(write({{"\xff", DType::kU8, {0}, {}}}), code, {"is not UTF-8"});
  EXPECT_FALSE(std::filesystem::exists(dir / "f"));
}

// One malformed file and what must be said about it.
struct BadFile {
  const char* name;
  std::string bytes;
  std::vector<std::string> said;
};

std::string Entry(const std::string& fields) { return RawSafetensors("{\"t\":{" + fields + "}}", "01234567"); }

const std::string kGood = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";

std::string Two(const std::string& a, const std::string& b, const std::string& data) {
  const std::string start = "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":";
  return RawSafetensors("{\"a\":" + start + a + "},\"b\":" + start + b + "}}", data);
}

std::vector<BadFile> BadFiles() {
  return {
      {"Empty", "", {"has 0 bytes"}},
      {"SevenBytes", std::string(7, '\0'), {"has 7 bytes", "8 bytes of header length"}},
      {"LengthZero", RawSafetensors("", ""), {"header length is 0 bytes"}},
      {"LengthTwoTo63",
       RawSafetensors("{}", "", uint64_t{1} << 63),
       {"header length is 9223372036854775808 bytes", "only 10"}},
      {"LengthAllOnes", RawSafetensors("{}", "", ~uint64_t{0} - 7), {"header length is 18446744073709551608 bytes"}},
      {"LengthOneTooMany", RawSafetensors("{}", "", 3), {"header length is 3 bytes", "only 10"}},
      {"LengthCutsHeader", RawSafetensors("{\"t\":{}}", "", 5), {"header: is not valid JSON"}},
      {"NotAnObject", RawSafetensors("[1]", ""), {"header begins with \"[\", expected \"{\""}},
      {"LeadingBlank", RawSafetensors(" {}", ""), {"header begins with \" \""}},
      {"NotJson", RawSafetensors("{\"t\": nul}", ""), {"header: is not valid JSON"}},
      {"NotUtf8", RawSafetensors("{\"\xff\xfe\": 1}", ""), {"header: is not valid JSON"}},
      {"NulBytes", RawSafetensors(std::string("{\0\0}", 4), ""), {"header: is not valid JSON"}},
      {"TextAfterObject", RawSafetensors("{}{}", ""), {"header: is not valid JSON"}},
      {"HugeNumber", Entry("\"shape\":1e999"), {"header: is not valid JSON"}},
      {"DeepNesting", RawSafetensors("{\"t\":" + std::string(100'000, '['), ""), {"nested deeper than 64"}},
      {"SameTensorTwice",
       RawSafetensors("{\"t\":{" + kGood + "},\"t\":{" + kGood + "}}", "01234567"),
       {"key \"t\" is given twice"}},
      {"SameFieldTwice", Entry(kGood + ",\"shape\":[2]"), {"key \"shape\" is given twice"}},
      {"EntryIsNumber", RawSafetensors("{\"t\":7}", ""), {"tensor t: is 7, expected an object"}},
      {"NameWithNewline", RawSafetensors("{\"a\\nb\":7}", ""), {"tensor a\\nb: is 7"}},
      {"NoType", Entry("\"shape\":[2],\"data_offsets\":[0,8]"), {"tensor t: dtype is missing"}},
      {"TypeIsNumber",
       Entry("\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]"),
       {"tensor t: dtype is 32, expected a string"}},
      {"TypeUnknown",
       Entry("\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]"),
       {"tensor t: dtype is \"F33\", expected F32"}},
      {"NoShape", Entry("\"dtype\":\"F32\",\"data_offsets\":[0,8]"), {"tensor t: shape is missing"}},
      {"ShapeIsNumber",
       Entry("\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]"),
       {"tensor t: shape is 2, expected an array"}},
      {"ShapeNegative",
       Entry("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"),
       {"tensor t: shape[0] is -2, expected at least 0"}},
      {"ShapeFraction",
       Entry("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]"),
       {"tensor t: shape[0] is 2.0, expected an integer"}},
      {"ShapeNested",
       Entry("\"dtype\":\"F32\",\"shape\":[[2]],\"data_offsets\":[0,8]"),
       {"tensor t: shape[0] is an array"}},
      {"ShapeTooLarge",
       Entry("\"dtype\":\"F32\",\"shape\":[18446744073709551615],\"data_offsets\":[0,8]"),
       {"tensor t: shape[0] is 18446744073709551615"}},
      {"ShapeOverflows",
       Entry("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]"),
       {"tensor t: shape: F32 [4294967296, 4294967296] is more than 2^63 bytes"}},
      {"ShapeOverflowsByType",
       Entry("\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]"),
       {"tensor t: shape: F64 [2305843009213693952] is more than 2^63 bytes"}},
      {"NoOffsets", Entry("\"dtype\":\"F32\",\"shape\":[2]"), {"tensor t: data_offsets is missing"}},
      {"OneOffset",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]"),
       {"tensor t: data_offsets is an array, expected 2 integers, not 1"}},
      {"OffsetIsText",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,\"8\"]"),
       {"tensor t: data_offsets[1] is \"8\""}},
      {"OffsetNegative",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]"),
       {"tensor t: data_offsets[0] is -8"}},
      {"OffsetsReversed",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"),
       {"tensor t: data_offsets [8, 0] begin after their end"}},
      {"OffsetsTooFar",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]"),
       {"tensor t: data_offsets [4, 12]", "which has 8 bytes"}},
      {"OffsetsFarAway",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775799,9223372036854775807]"),
       {"tensor t: data_offsets [9223372036854775799, 9223372036854775807]", "which has 8 bytes"}},
      {"TooFewBytes",
       Entry("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,7]"),
       {"tensor t: data_offsets [0, 7] hold 7 bytes, F32 [2] needs 8"}},
      {"TooManyBytes",
       Entry("\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,8]"),
       {"tensor t: data_offsets [0, 8] hold 8 bytes, F16 [2] needs 4"}},
      {"Overlap", Two("[0,4]", "[2,6]", "012345"), {"tensor b: data_offsets begin at 2, inside tensor a", "ends at 4"}},
      {"SameBytes", Two("[0,4]", "[0,4]", "0123"), {"tensor b: data_offsets begin at 0, inside tensor a"}},
      {"Hole", Two("[0,4]", "[5,9]", "012345678"), {"tensor b: data_offsets begin at 5", "a hole after byte 4"}},
      {"HoleAtStart", Two("[1,5]", "[5,9]", "012345678"), {"tensor a: data_offsets begin at 1", "after byte 0"}},
      {"BytesAfterTheLast", Two("[4,8]", "[0,4]", "012345678"), {"has 9 bytes of data, its tensors end at 8"}},
      {"DataWithoutTensors", RawSafetensors("{}", "x"), {"has 1 bytes of data, its tensors end at 0"}},
      {"MetadataIsText",
       RawSafetensors("{\"__metadata__\":\"x\"}", ""),
       {"__metadata__: is \"x\", expected an object"}},
      {"MetadataOfNumbers",
       RawSafetensors("{\"__metadata__\":{\"k\":1}}", ""),
       {"__metadata__: k is 1, expected a string"}},
  };
}

class BadSafetensorsTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensorsTest, IsRefusedInOneClearLine) {
  const TempDir dir;
  WriteText(dir / "bad.safetensors", GetParam().bytes);
  std::vector<std::string> said = GetParam().said;
  said.push_back((dir / "bad.safetensors").string() + ": ");
  ExpectError([&] { SafetensorsFile::Open(dir / "bad.safetensors"); }, ErrorCode::kInvalidModel, said);
}

INSTANTIATE_TEST_SUITE_P(All, BadSafetensorsTest, testing::ValuesIn(BadFiles()),
                         [](const auto& bad) { return std::string(bad.param.name); });

// A header of the largest length that fits the file is still over the limit of the format.
TEST(SafetensorsTest, HeaderLengthIsCapped) {
  const TempDir dir;
  WriteText(dir / "f", RawSafetensors("{}", "", 100'000'001));
  std::filesystem::resize_file(dir / "f", 100'000'100);  // sparse
  ExpectError([&] { SafetensorsFile::Open(dir / "f"); }, ErrorCode::kInvalidModel,
              {"header length is 100000001 bytes, at most 100000000"});
}

TEST(SafetensorsTest, FilesWithoutTensorsAreFine) {
  const TempDir dir;
  WriteText(dir / "f", RawSafetensors("{}  ", ""));
  EXPECT_TRUE(SafetensorsFile::Open(dir / "f").tensors().empty());
}

std::string GoodFile(const TempDir& dir) {
  const std::string data(96, 'x');
  WriteSafetensors(dir / "good",
                   {{"wte.weight", DType::kF32, {4, 3}, Bytes(data).first(48)},
                    {"h.0.attn.c_attn.bias", DType::kF32, {6}, Bytes(data).first(24)},
                    {"ln_f.bias", DType::kBF16, {3, 4}, Bytes(data).first(24)}},
                   {{"format", "pt"}});
  return ReadText(dir / "good");
}

TEST(SafetensorsTest, TruncationAnywhereIsRefused) {
  const TempDir dir;
  const std::string good = GoodFile(dir);
  for (size_t size = 0; size < good.size(); ++size) {
    WriteText(dir / "cut", good.substr(0, size));
    SCOPED_TRACE(size);
    ExpectError([&] { SafetensorsFile::Open(dir / "cut"); }, ErrorCode::kInvalidModel, {(dir / "cut").string() + ": "});
  }
}

// Damages the header of a good file in every way that one to four changed bytes can; a file is read or refused, and
// what is read stays inside the file.
TEST(SafetensorsTest, DamagedHeadersNeverCrash) {
  const TempDir dir;
  const std::string good = GoodFile(dir);
  const size_t header_end = good.size() - 96;
  std::mt19937_64 random(20231);
  const std::string alphabet = "0123456789-+.eE{}[]\",: \\\x80\xff";
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = good;
    for (uint64_t n = random() % 4 + 1; n > 0; --n) {
      const uint64_t choice = random();
      damaged[random() % header_end] =
          choice % 2 == 0 ? alphabet[choice / 2 % alphabet.size()] : static_cast<char>(choice >> 8);
    }
    WriteText(dir / "damaged", damaged);
    try {
      const SafetensorsFile file = SafetensorsFile::Open(dir / "damaged");
      size_t total = 0;
      for (const auto& [name, tensor] : file.tensors()) total += Text(tensor.bytes).size();
      EXPECT_LE(total, damaged.size());
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 4000);
}

}  // namespace
}  // namespace dcp
