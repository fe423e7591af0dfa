#include "support/json.h"

#include <gtest/gtest.h>

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using nlohmann::json;

constexpr auto kBad = ErrorCode::kInvalidModel;

TEST(ParseJsonTest, IsStrict) {
  EXPECT_EQ(ParseJson("[1, {\"a\": null}]", "here"), json::parse("[1, {\"a\": null}]"));
  ExpectError([] { ParseJson("{\"a\": ", "here"); }, kBad, {"here: is not valid JSON: "});
  ExpectError([] { ParseJson("", "here", ErrorCode::kInvalidArgument); }, ErrorCode::kInvalidArgument,
              {"here: is not"});
  ExpectError([] { ParseJson("{\"a\": {\"b\": 1, \"b\": 1}}", "here"); }, kBad, {"here: key \"b\" is given twice"});
  EXPECT_EQ(ParseJson("[{\"a\": 1}, {\"a\": 2}]", "here").size(), 2u);
  ExpectError([] { ParseJson(std::string(65, '[') + std::string(65, ']'), "here"); }, kBad, {"nested deeper than 64"});
  ExpectError([] { ParseJsonObject("[]", "here"); }, kBad, {"here: is an array, expected a JSON object"});
}

class JsonReaderTest : public testing::Test {
 protected:
  void Refuses(const std::function<void()>& read, const std::string& message) { ExpectError(read, kBad, {message}); }

  const json document_ = json::parse(R"({"n": 7, "big": 18446744073709551615, "x": 1.5, "yes": true, "text": "t\n",
                                         "none": null, "list": [1, 2, "3", null], "sub": {"list": [{"deep": -1}]}})");
  const JsonReader reader_{document_, "f.json"};
};

TEST_F(JsonReaderTest, GivesWhatIsThere) {
  EXPECT_EQ(reader_["n"].Integer(), 7);
  EXPECT_EQ(reader_["big"].Integer<uint64_t>(), 18446744073709551615u);
  EXPECT_EQ(reader_["x"].Number(), 1.5);
  EXPECT_EQ(reader_["n"].Number(), 7.0);
  EXPECT_TRUE(reader_["yes"].Flag());
  EXPECT_EQ(reader_["text"].Text(), "t\n");
  EXPECT_EQ(reader_["text"].Choice({"s", "t\n"}), 1u);
  EXPECT_EQ(reader_["list"].Size(), 4u);
  EXPECT_EQ(reader_["sub"]["list"][0]["deep"].Integer(-1, 0), -1);
  EXPECT_FALSE(reader_["none"].present());
  EXPECT_FALSE(reader_["list"][3].present());
  EXPECT_EQ(reader_["none"].MaybeInteger(), std::nullopt);
  EXPECT_EQ(reader_["n"].MaybeInteger(), 7);
  EXPECT_EQ(reader_["none"].MaybeNumber(), std::nullopt);
  const json lists = json::parse(R"([[1, -2], ["a", "b"]])");
  EXPECT_EQ(JsonReader(lists, "f")[0].Integers(), (std::vector<int>{1, -2}));
  EXPECT_EQ(JsonReader(lists, "f")[1].Texts(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(JsonReaderTest, NamesThePlaceAndBothValues) {
  Refuses([&] { (void)reader_["none"].Integer(1); }, "f.json: none is missing, expected an integer of at least 1");
  Refuses([&] { (void)reader_["m"].Text(); }, "f.json: m is missing, expected a string");
  Refuses([&] { (void)reader_["n"].Text(); }, "f.json: n is 7, expected a string");
  Refuses([&] { (void)reader_["n"].Flag(); }, "f.json: n is 7, expected true or false");
  Refuses([&] { (void)reader_["text"].Number(); }, "f.json: text is \"t\\n\", expected a number");
  Refuses([&] { (void)reader_["text"].Choice({"a", "b"}); }, "expected \"a\" or \"b\"");
  Refuses([&] { (void)reader_["x"].Integer(); }, "f.json: x is 1.5, expected an integer");
  Refuses([&] { (void)reader_["n"].Integer(8); }, "f.json: n is 7, expected at least 8");
  Refuses([&] { (void)reader_["n"].Integer(0, 6); }, "f.json: n is 7, expected 0 to 6");
  Refuses([&] { (void)reader_["big"].Integer(); }, "f.json: big is 18446744073709551615, expected at most 2147483647");
  Refuses([&] { (void)reader_["sub"]["list"][0]["deep"].Integer<uint64_t>(); },
          "f.json: sub.list[0].deep is -1, expected at least 0");
  Refuses([&] { (void)reader_["list"].Integers(); }, "f.json: list[2] is \"3\", expected an integer");
  Refuses([&] { (void)reader_["list"].Texts(); }, "f.json: list[0] is 1, expected a string");
  Refuses([&] { (void)reader_["list"].Size(5); }, "f.json: list is an array, expected an array of 5 or more, has 4");
  Refuses([&] { (void)reader_["n"].Size(); }, "f.json: n is 7, expected an array");
  Refuses([&] { (void)reader_["n"]["x"]; }, "f.json: n is 7, expected an object");
  Refuses([&] { (void)reader_["m"]["x"]; }, "f.json: m is missing, expected an object");
  const json list = json::array({1});
  Refuses([&] { (void)JsonReader(list, "f")["x"]; }, "f: is an array, expected an object");
  Refuses([&] { (void)JsonReader(list, "f")[0].Text(); }, "f: [0] is 1, expected a string");
  ExpectError([&] { (void)JsonReader(list, "f", ErrorCode::kInvalidArgument)[0].Text(); }, ErrorCode::kInvalidArgument,
              {"f: [0]"});
}

}  // namespace
}  // namespace dcp
