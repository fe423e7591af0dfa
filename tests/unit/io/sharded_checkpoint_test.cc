// Checkpoints in several files.
#include <nlohmann/json.hpp>

#include "io/checkpoint.h"
#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;
using io_testing::TempDir;
using nlohmann::json;
using reference::MakeOptions;
using reference::ReadText;
using reference::WriteText;

constexpr ErrorCode kBad = ErrorCode::kInvalidModel;
const std::string kFirst = "model-00001-of-00002.safetensors";
const std::string kSecond = "model-00002-of-00002.safetensors";

class ShardedCheckpointTest : public testing::Test {
 protected:
  ShardedCheckpointTest() {
    MakeOptions options;
    options.shards = 2;
    reference::MakeCheckpoint(dir_.path(), reference::SmallConfig(1, 1, 4, 2, 6, 5), options);
    index_ = json::parse(ReadText(index_path_));
  }

  json& Map() { return index_["weight_map"]; }

  void ExpectRefused(ErrorCode code, const std::vector<std::string>& parts) {
    WriteText(index_path_, index_.dump());
    ExpectError([&] { Checkpoint::Open(dir_.path()); }, code, parts);
  }

  const TempDir dir_;
  const std::string index_path_ = (dir_ / "model.safetensors.index.json").string();
  json index_;
};

TEST_F(ShardedCheckpointTest, OneFileGoesBeforeAnIndex) {
  const TempDir single;
  reference::MakeCheckpoint(single.path(), reference::SmallConfig(1, 1, 4, 2, 6, 5));
  WriteText(single / "model.safetensors.index.json", "not read");
  EXPECT_TRUE(Checkpoint::Open(single.path()).Has("wte.weight"));
  EXPECT_TRUE(Checkpoint::Open(dir_.path()).Has("wte.weight"));
}

TEST_F(ShardedCheckpointTest, MissingShard) {
  std::filesystem::remove(dir_ / kSecond);
  ExpectRefused(ErrorCode::kIo, {index_path_ + ": weight_map: tensor ", " is in \"" + kSecond + "\", no such file"});
}

TEST_F(ShardedCheckpointTest, TruncatedShard) {
  std::filesystem::resize_file(dir_ / kSecond, std::filesystem::file_size(dir_ / kSecond) - 1);
  ExpectRefused(kBad, {(dir_ / kSecond).string() + ": tensor ", "a download that was not finished?"});
}

TEST_F(ShardedCheckpointTest, TensorInTheOtherShard) {
  Map()["wte.weight"] = kSecond;
  ExpectRefused(kBad,
                {(dir_ / kSecond).string() + ": tensor wte.weight is missing, model.safetensors.index.json says"});
}

TEST_F(ShardedCheckpointTest, TensorInNoShard) {
  Map()["score.weight"] = kFirst;
  ExpectRefused(kBad, {(dir_ / kFirst).string() + ": tensor score.weight is missing"});
}

TEST_F(ShardedCheckpointTest, HoleInTheMap) {
  Map().erase("wte.weight");
  ExpectRefused(kBad, {(dir_ / kFirst).string() + ": tensor wte.weight is not in the weight_map of model.safetensors"});
}

TEST_F(ShardedCheckpointTest, TensorMissingEverywhere) {
  const json header = json::parse(R"({"wte.weight": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 96]}})");
  WriteText(dir_ / kFirst, io_testing::RawSafetensors(header.dump(), std::string(96, '\0')));
  const json whole_map = Map();
  for (const auto& [tensor, shard] : whole_map.items()) {
    if (shard == kFirst && tensor != "wte.weight") Map().erase(tensor);
  }
  ExpectRefused(kBad, {index_path_ + ": tensor ", " is missing, ", "config.json says n_layer 1"});
}

TEST_F(ShardedCheckpointTest, SameTensorInTwoShards) {
  std::filesystem::copy_file(dir_ / kFirst, dir_ / "again.safetensors");
  Map()["wte.weight"] = "again.safetensors";
  ExpectRefused(kBad, {": tensor ", " is also in "});
}

TEST_F(ShardedCheckpointTest, ShardsOutsideTheDirectory) {
  for (const char* name : {"../model.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ".", "", "a\\b", "c:d"}) {
    Map()["wte.weight"] = name;
    ExpectRefused(kBad,
                  {index_path_ + ": weight_map: tensor wte.weight is in \"", "expected the name of a file beside"});
  }
  Map()["wte.weight"] = std::string("a\0b", 3);
  ExpectRefused(kBad, {"wte.weight is in \"a\\x00b\""});
  Map()["wte.weight"] = 7;
  ExpectRefused(kBad, {"wte.weight is in 7, expected the name"});
}

TEST_F(ShardedCheckpointTest, ShardThatIsNoTensorFile) {
  Map()["wte.weight"] = "config.json";
  ExpectRefused(kBad, {(dir_ / "config.json").string() + ": header length is "});
}

TEST_F(ShardedCheckpointTest, MalformedIndex) {
  index_["weight_map"] = json::object();
  ExpectRefused(kBad, {index_path_ + ": weight_map is empty"});
  index_["weight_map"] = "all";
  ExpectRefused(kBad, {index_path_ + ": weight_map is \"all\", expected an object"});
  index_.erase("weight_map");
  ExpectRefused(kBad, {index_path_ + ": weight_map is missing"});
  WriteText(index_path_, "{\"weight_map\": {");
  ExpectError([&] { Checkpoint::Open(dir_.path()); }, kBad, {index_path_ + ": is not valid JSON"});
}

}  // namespace
}  // namespace dcp
