// What several processes share. Runs of several are in tests/ranks; here is what one process can see.
#include "common/ranks/ranks.h"

#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <map>
#include <sstream>

#include "common/ranks/run_on_ranks.h"
#include "common/result_store.h"
#include "dcp/error.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

std::map<std::string, std::string> environment;

int Launched(std::map<std::string, std::string> variables) {
  environment = std::move(variables);
  return LaunchedProcesses([](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(RanksTest, LaunchersAreKnownByTheirEnvironment) {
  EXPECT_EQ(Launched({}), 0);
  EXPECT_EQ(Launched({{"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "1"}}), 4);
  EXPECT_EQ(Launched({{"OMPI_COMM_WORLD_SIZE", "1"}, {"PMIX_RANK", "0"}}), 0);
  EXPECT_EQ(Launched({{"PMI_SIZE", "3"}, {"PMI_RANK", "0"}}), 3);
  EXPECT_EQ(Launched({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "3"}}), 8);
  EXPECT_EQ(Launched({{"SLURM_STEP_NUM_TASKS", "1"}, {"PMIX_RANK", "0"}}), 0);
  EXPECT_EQ(Launched({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}), 0) << "a batch script, no step of it";
  EXPECT_EQ(Launched({{"PMIX_RANK", "0"}}), -1);
}

TEST(RanksTest, OneProcessDoesEverythingItself) {
  EXPECT_TRUE(Ranks::Ours().first());
  EXPECT_EQ(Ranks::Ours().size(), 1);
  EXPECT_EQ(Ranks::Ours().ThreadsFor(0), 0);
  EXPECT_EQ(Ranks::Ours().ThreadsFor(3), 3);
  std::istringstream in;
  std::ostringstream out, err;
  std::atomic<bool> interrupted = false;
  ToolIo io{in, out, err, interrupted};
  std::map<size_t, std::string> results;
  SharedWork work(
      {3, 1, 4}, [&](size_t piece, std::string_view result) { results[piece] = result; }, io);
  EXPECT_EQ(work.mine(), (std::vector<size_t>{3, 1, 4}));
  for (const size_t piece : work.mine()) {
    EXPECT_TRUE(work.GoOn());
    work.Give(piece, std::string(piece, '\0'));
  }
  EXPECT_TRUE(work.Finish());
  EXPECT_EQ(results.size(), 3u);
  EXPECT_EQ(results[4], std::string(4, '\0'));
  interrupted = true;
  EXPECT_FALSE(work.GoOn());
  EXPECT_FALSE(work.Finish());
}

TEST(ResultStoreTest, KeepsRowsByTheirKeys) {
  const TempDir dir;
  const std::string path = dir / "kept.jsonl";
  const Json a{{"x", 1}, {"y", "b"}}, again{{"y", "b"}, {"x", 1}};
  {
    ResultStore store(path);
    EXPECT_EQ(store.Find(a), nullptr);
    store.Add(a, {{"value", 0.1}});
    EXPECT_EQ(*store.Find(again), (Json{{"value", 0.1}}));
  }
  std::ofstream(path, std::ios::app) << "{\"key\": {\"x\": 2}, \"row\"";  // as a kill leaves it
  {
    ResultStore store(path);
    EXPECT_EQ(*store.Find(a), (Json{{"value", 0.1}}));
    EXPECT_EQ(store.Find({{"x", 2}}), nullptr);
    store.Add({{"x", 2}}, 7);
  }
  EXPECT_EQ(*ResultStore(path).Find({{"x", 2}}), Json(7));
  const ResultStore none(std::nullopt);
  EXPECT_FALSE(none);
  reference::WriteText(path, "{\"key\": 1, \"row\": 2}\n{\"other\": 1}\n");
  try {
    const ResultStore store(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("kept.jsonl:2"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dcp::tools
