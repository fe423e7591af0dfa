// dcp-bench: what a run reports, how cells are chosen and ordered, drawn sparsities, refusals.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "dcp-bench/bench_tool.h"
#include "dcp-bench/machine/machine.h"
#include "dcp-bench/machine/roofline_kernels.h"
#include "dcp-bench/measure/cost.h"
#include "dcp-bench/measure/drawn_policy.h"
#include "dcp-bench/measure/plan.h"
#include "dcp-bench/report/growth.h"
#include "dcp-bench/report/report.h"
#include "dcp/simd.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

const Args kTiny = {
    "--shape", "2,2,32,128,300", "--int-dim", "8",         "--batch", "1,3",       "--context", "16,64", "--steps",
    "4",       "--repeats",      "2",         "--prefill", "32",      "--threads", "2"};

Args With(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

ToolRun Bench(const Args& args) {
  ToolRun run = RunTool(BenchMain, args);
  EXPECT_EQ(run.status, kExitDone) << run.err;
  return run;
}

void ExpectOrdered(const Json& row, const std::string& name) {
  EXPECT_GT(row[name + "_min"], 0) << row;
  EXPECT_LE(row[name + "_min"], row[name]) << row;
  EXPECT_LE(row[name], row[name + "_max"]) << row;
}

TEST(BenchRun, DocumentHoldsEveryCell) {
  const Json run = Bench(With(kTiny, {"--policy", "dense,learned,sinks:2,6", "--kv", "f32,f16", "--json", "-"})).json();
  EXPECT_GT(run["machine"]["read_bytes_per_s"], 1e8);
  EXPECT_GT(run["machine"]["fma_flops_per_s"], 1e8);
  EXPECT_EQ(run["machine"]["threads"], 2);
  ASSERT_TRUE(run["machine"].contains("virtual_machine"));
  const Json& pages = run["machine"]["large_pages"];
  if (pages["bytes"].is_number()) {
    EXPECT_LE(pages["bytes"], pages["of_bytes"]);
    EXPECT_GT(pages["of_bytes"], 1e6);
  }
  EXPECT_EQ(run["model"]["int_n_embd"], 8);
  std::set<std::string> cells;
  for (const Json& row : run["rows"]) {
    cells.insert(row["policy"].get<std::string>() + row["kv"].get<std::string>() + row["batch"].dump() + "x" +
                 row["context"].dump());
    ExpectOrdered(row, "decode_tokens_per_s");
    ExpectOrdered(row, "prefill_tokens_per_s");
    EXPECT_GT(row["ms_per_token_p50"], 0);
    EXPECT_LE(row["ms_per_token_p50"], row["ms_per_token_p95"]);
    EXPECT_EQ(row["weights"], "f32");
    EXPECT_EQ(row["threads"], 2);
    EXPECT_GT(row["share_of_roofline"], 0);
    // K and V of every token seen by the end, in both layers.
    const int element = row["kv"] == "f32" ? 4 : 2;
    EXPECT_EQ(row["kv_bytes_dense"], row["batch"].get<int>() * (row["context"].get<int>() + 4) * 2 * 2 * 32 * element);
    EXPECT_LE(row["kv_bytes_live"], row["kv_bytes_reserved"]);
  }
  EXPECT_EQ(run["rows"].size(), 3u * 2 * 2 * 2);
  EXPECT_EQ(cells.size(), run["rows"].size());
  EXPECT_EQ(cells.count("sinks:2,6f163x64"), 1u);
}

TEST(BenchRun, InstructionSetIsTheOneAskedFor) {
  for (const std::string& target : SimdTargets()) {
    EXPECT_EQ(Bench(With(kTiny, {"--simd", target, "--json", "-"})).json()["machine"]["simd"], target);
  }
  EXPECT_EQ(Bench(With(kTiny, {"--json", "-"})).json()["machine"]["simd"], SimdTargets().front());
}

TEST(BenchRun, PoliciesDropWhatTheySay) {
  const Json run = Bench(With(kTiny, {"--policy", "dense", "--policy", "window:8", "--json", "-"})).json();
  for (const Json& row : run["rows"]) {
    const double earlier = row["context"].get<double>() + 3;  // of the last fed token
    const double dropped = row["policy"] == "dense" ? 0 : earlier - 7;
    EXPECT_NEAR(row["sparsity"], dropped / earlier, 1e-9) << row;
    EXPECT_TRUE(row["drawn_sparsity"].is_null());
  }
}

TEST(BenchRun, CapsHoldForEveryPolicy) {
  const Json run = Bench(With(kTiny, {"--max-kept", "8", "--json"})).json();
  std::set<std::string> names;
  for (const Json& row : run["rows"]) {
    names.insert(row["policy"]);
    const double earlier = row["context"].get<double>() + 3;
    EXPECT_NEAR(row["sparsity"], (earlier - 7) / earlier, 1e-9) << row;
  }
  EXPECT_EQ(names, (std::set<std::string>{"dense(max-kept=8)", "learned(max-kept=8)"}));
}

TEST(BenchRun, ReservedBytesAreThoseOfTheBatch) {
  // Pages of 16 slots are far below the system's pages here, so compare batches instead: three sequences take three
  // times what one takes, and what else the process holds does not count.
  const Json run = Bench(With(kTiny, {"--policy", "dense", "--json", "-"})).json();
  const auto reserved = [&](int batch, int context) {
    for (const Json& row : run["rows"]) {
      if (row["batch"] == batch && row["context"] == context) return row["kv_bytes_reserved"].get<double>();
    }
    return 0.0;
  };
  EXPECT_NEAR(reserved(3, 64) / reserved(1, 64), 3.0, 0.5);
  EXPECT_GT(reserved(1, 64), reserved(1, 16));
}

TEST(BenchRun, DrawnSparsityIsMet) {
  const Args args = {"--shape",    "1,1,16,1024,64", "--int-dim", "4",         "--batch", "2",        "--context",
                     "1000",       "--repeats",      "1",         "--prefill", "16",      "--policy", "learned",
                     "--sparsity", "0,0.5,0.8,0.95", "--json"};
  const Json run = Bench(args).json();
  ASSERT_EQ(run["rows"].size(), 4u);
  for (const Json& row : run["rows"]) {
    EXPECT_EQ(row["policy"], "learned");
    EXPECT_NEAR(row["sparsity"], row["drawn_sparsity"], 0.01) << row;
  }
}

TEST(BenchRun, DrawnNumbersOfKeptTokensHoldAtEveryContext) {
  const TempDir dir;
  const Args args = {"--shape",    "1,1,16,256,64", "--int-dim", "4",         "--batch", "1,2",     "--context",
                     "60,120,180", "--repeats",     "1",         "--prefill", "16",      "--steps", "2",
                     "--policy",   "learned,dense", "--kept",    "20,40",     "--json",  "--plot",  dir / "growth.svg"};
  const Json run = Bench(args).json();
  ASSERT_EQ(run["rows"].size(), 2u * 3 * 3);
  for (const Json& row : run["rows"]) {
    if (row["drawn_kept"].is_null()) continue;
    EXPECT_EQ(row["kept_tokens"], row["drawn_kept"]) << row;
    EXPECT_TRUE(row["drawn_sparsity"].is_null());
  }
  std::map<std::string, int> lines;
  for (const Json& line : run["growth"]) ++lines[line["against"].get<std::string>()];
  EXPECT_EQ(lines, (std::map<std::string, int>{{"context", 2 * 3}, {"kept tokens", 2 * 3}}));
  const std::string svg = reference::ReadText(dir / "growth.svg");
  for (const char* text : {"learned, 20 kept", "kept tokens of a layer"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
}

BenchRow RowOf(int context, double ms) {
  BenchRow row;
  row.policy = "dense";
  row.batch = 4;
  row.context = context;
  row.ms_per_token_p50 = ms;
  return row;
}

TEST(BenchGrowth, IsTheSlopeOfAStraightLine) {
  BenchRun run;
  run.rows = {RowOf(100, 3.0), RowOf(200, 5.0), RowOf(400, 9.0)};
  run.rows.push_back(RowOf(100, 7.0));
  run.rows.back().batch = 8;  // alone: no line
  const std::vector<Growth> lines = FitGrowth(run);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].series, "dense, batch 4");
  EXPECT_EQ(lines[0].rows, 3);
  EXPECT_NEAR(lines[0].us_per_token, 20.0, 1e-9);
  EXPECT_NEAR(lines[0].ms_at_first, 3.0, 1e-9);
  EXPECT_EQ(lines[0].first, 100);
  EXPECT_EQ(lines[0].last, 400);
}

TEST(BenchRun, AModelOfTheDisk) {
  const TempDir dir;
  const std::string model = MakeByteModel(dir);
  const Json run = Bench({"--model", model, "--context", "40", "--batch", "2", "--repeats", "1", "--weights", "f16,i8",
                          "--prefill", "1000", "--json"})
                       .json();
  EXPECT_EQ(run["prefill_tokens"], 96) << "as many as the model has positions";
  std::vector<std::string> rows;
  for (const Json& row : run["rows"]) {
    rows.push_back(row["policy"].get<std::string>() + " " + row["weights"].get<std::string>());
  }
  EXPECT_EQ(rows, (std::vector<std::string>{"dense f16", "learned f16", "dense i8", "learned i8"}));
}

TEST(BenchRun, FilesAndTable) {
  const TempDir dir;
  const ToolRun run = Bench(
      With(kTiny, {"--json", dir / "a.json", "--csv", dir / "a.csv", "--plot", dir / "a.svg", "--sparsity", "0.5"}));
  EXPECT_EQ(dir.Files(), (std::vector<std::string>{"a.csv", "a.json", "a.svg"}));
  const Json rows = Json::parse(reference::ReadText(dir / "a.json"))["rows"];
  ASSERT_EQ(rows.size(), 8u);

  std::istringstream csv(reference::ReadText(dir / "a.csv"));
  std::string header, names;
  std::getline(csv, header);
  for (const auto& [name, value] : rows[0].items()) names += (names.empty() ? "" : ",") + name;
  EXPECT_EQ(header, names);
  size_t lines = 0;
  for (std::string line; std::getline(csv, line); ++lines) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), std::count(header.begin(), header.end(), ',')) << line;
  }
  EXPECT_EQ(lines, rows.size());

  const std::string svg = reference::ReadText(dir / "a.svg");
  EXPECT_NE(svg.find("learned, 50 % dropped"), std::string::npos);
  EXPECT_NE(svg.find("context (tokens)"), std::string::npos);
  EXPECT_NE(run.out.find("GFLOP/s"), std::string::npos);
  EXPECT_NE(run.out.find("large pages"), std::string::npos);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 6 + 8 + 2 + 4) << "rows, and growth against context";
}

TEST(BenchReport, CsvQuotesWhatNeedsIt) {
  BenchRun run;
  run.rows.push_back(RowOf(100, 3.0));
  run.rows[0].policy = "say \"sinks:4,60\"";
  const std::string csv = RunCsv(run);
  EXPECT_EQ(csv.substr(csv.find('\n') + 1, 23), "\"say \"\"sinks:4,60\"\"\",4,");
}

TEST(BenchRun, InterruptEndsIt) {
  World world;
  world.interrupted = true;
  EXPECT_EQ(RunTool(BenchMain, kTiny, world).status, kExitInterrupted);
}

TEST(BenchPlan, CellsTakeTurns) {
  std::vector<std::pair<size_t, int>> order;
  Interleave(3, 2, [&](size_t item, int round) { order.emplace_back(item, round); });
  EXPECT_EQ(order, (std::vector<std::pair<size_t, int>>{{0, 0}, {1, 0}, {2, 0}, {0, 1}, {1, 1}, {2, 1}}));
}

TEST(BenchPlan, WhatIsComparedStandsSideBySide) {
  std::vector<std::vector<int>> cells;
  for (const Cell& c : MakeCells(2, {1, 8}, {64, 128}))
    cells.push_back({c.context, c.batch, static_cast<int>(c.engine)});
  EXPECT_EQ(cells,
            (std::vector<std::vector<int>>{
                {64, 1, 0}, {64, 1, 1}, {64, 8, 0}, {64, 8, 1}, {128, 1, 0}, {128, 1, 1}, {128, 8, 0}, {128, 8, 1}}));
}

TEST(BenchPlan, DefaultContextsFitTheModel) {
  BenchOptions options;
  EXPECT_EQ(ResolveContexts(options, ParseShape("gpt2", 0)), (std::vector<int>{128, 512, 960}));
  EXPECT_EQ(ResolveContexts(options, ParseShape("1,1,8,600,10", 0)), (std::vector<int>{128, 512}));
  EXPECT_EQ(ResolveContexts(options, ParseShape("1,1,8,100,10", 0)), (std::vector<int>{84}));
}

TEST(BenchOptions, ListsRiseAndHoldEachValueOnce) {
  BenchOptions options;
  CLI::App app;
  AddBenchOptions(app, options);
  app.parse("--shape gpt2 --batch 8,1,8,32 --sparsity 0.9,0.5 --policy dense,learned --policy dense", false);
  ResolveBenchOptions(options);
  EXPECT_EQ(options.batches, (std::vector<int>{1, 8, 32}));
  EXPECT_EQ(options.sparsities, (std::vector<double>{0.5, 0.9}));
  EXPECT_EQ(options.policies.size(), 2u);
}

TEST(BenchOptions, PoliciesHoldCommas) {
  EXPECT_EQ(SplitPolicies("dense,sinks:4,252,strided:8,16,learned"),
            (std::vector<std::string>{"dense", "sinks:4,252", "strided:8,16", "learned"}));
  EXPECT_EQ(SplitPolicies("window:256"), (std::vector<std::string>{"window:256"}));
}

TEST(BenchOptions, Shapes) {
  const ModelConfig small = ParseShape("gpt2", 64);
  EXPECT_EQ(small.ParameterCount() / 1'000'000, 125) << "124 million and the interaction projections";
  EXPECT_EQ(ParseShape("gpt2-medium", 0).ParameterCount() / 1'000'000, 354);
  EXPECT_EQ(ParseShape("gpt2-large", 0).ParameterCount() / 1'000'000, 774);
  EXPECT_EQ(ParseShape("gpt2-xl", 0).ParameterCount() / 1'000'000, 1557);
  const ModelConfig own = ParseShape("2,4,32,128,300", 8);
  EXPECT_EQ(own.n_layer, 2);
  EXPECT_EQ(own.n_head, 4);
  EXPECT_EQ(own.n_embd, 32);
  EXPECT_EQ(own.n_inner, 128);
  EXPECT_EQ(own.n_positions, 128);
  EXPECT_EQ(own.vocab_size, 300);
  EXPECT_EQ(own.int_n_embd, 8);
}

TEST(BenchBadInput, IsOneLine) {
  const TempDir dir;
  const std::string dense = MakeByteModel(dir, "dense", ByteModelConfig(96, 0));
  const Args shape = {"--shape", "1,1,16,64,100"};
  const std::vector<std::pair<Args, std::vector<std::string>>> cases = {
      {{}, {"--model", "--shape"}},
      {{"--shape", "gpt2", "--model", "x"}, {"--model", "--shape"}},
      {{"--shape", "gpt3"}, {"gpt3", "L,H,C,P,V"}},
      {{"--shape", "1,2,3"}, {"1,2,3", "3 numbers", "5"}},
      {{"--shape", "1,3,16,64,100"}, {"16", "3"}},
      {{"--shape", "1,1,0,64,100"}, {"n_embd", "0"}},
      {{"--shape", "1,1,99999999999,64,100"}, {"99999999999"}},
      {With(shape, {"--int-dim", "-1"}), {"--int-dim", "-1"}},
      {With(shape, {"--adapter", "x"}), {"--adapter", "--model"}},
      {With(shape, {"--batch", "0"}), {"--batch", "0", "1"}},
      {With(shape, {"--batch", "1,,2"}), {"--batch", "empty"}},
      {With(shape, {"--batch", "1x"}), {"--batch", "1x"}},
      {With(shape, {"--context", "60"}), {"--context", "60", "16", "64"}},
      {With(shape, {"--steps", "64"}), {"--steps", "64"}},
      {With(shape, {"--steps", "0"}), {"--steps", "0"}},
      {With(shape, {"--repeats", "0"}), {"--repeats", "0"}},
      {With(shape, {"--prefill", "0"}), {"--prefill", "0"}},
      {With(shape, {"--threads", "-1"}), {"threads", "-1"}},
      {With(shape, {"--simd", "AVX2"}), {"--simd", "AVX2", SimdTargets().back()}},
      {With(shape, {"--policy", "densest"}), {"densest"}},
      {With(shape, {"--policy", "dense,"}), {"policy \"\""}},
      {With(shape, {"--policy", "learned", "--int-dim", "0"}), {"learned", "interaction"}},
      {With(shape, {"--policy", "dense", "--sparsity", "0.5"}), {"--sparsity", "learned"}},
      {With(shape, {"--policy", "dense", "--threshold", "0.5"}), {"--threshold", "learned"}},
      {With(shape, {"--sparsity", "1"}), {"--sparsity", "1", "0.999"}},
      {With(shape, {"--sparsity", "nan"}), {"--sparsity", "nan"}},
      {With(shape, {"--sparsity", "0.5", "--max-kept", "8"}), {"--sparsity", "--max-kept"}},
      {With(shape, {"--sparsity", "0.5", "--threshold", "1"}), {"--sparsity", "--threshold"}},
      {With(shape, {"--sparsity", "0.5", "--kept", "8"}), {"--sparsity", "--kept"}},
      {With(shape, {"--kept", "8", "--threshold", "1"}), {"--kept", "--threshold"}},
      {With(shape, {"--kept", "1"}), {"--kept", "1", "2"}},
      {With(shape, {"--kept", "8", "--policy", "dense"}), {"--kept", "learned"}},
      {With(shape, {"--weights", "f64"}), {"f64", "bf16"}},
      {With(shape, {"--kv", "i4"}), {"i4", "f16"}},
      {With(shape, {"--max-kept", "-1"}), {"max_kept", "-1"}},
      {With(shape, {"--plot", dir / "no/such.svg"}), {"no/such.svg"}},
      {{"--model", dir / "nothing"}, {"nothing", "config.json"}},
      {{"--model", dense, "--policy", "learned"}, {"learned", "interaction"}},
      {{"--no-such-option"}, {"--no-such-option"}},
  };
  for (const auto& [args, words] : cases) {
    SCOPED_TRACE(testing::PrintToString(args));
    ExpectRefused(RunTool(BenchMain, args), "dcp-bench", words);
  }
}

TEST(DrawnPolicyTest, KeepsTheShareAtEveryContext) {
  constexpr int kPositions = 8192;
  for (const double sparsity : {0.1, 0.5, 0.8, 0.9, 0.95}) {
    const DrawnPolicy policy = DrawnPolicy::WithSparsity(sparsity, kPositions);
    for (int context = 256; context <= kPositions; context *= 2) {
      int kept = 0;
      for (int j = 0; j < context; ++j) kept += policy.ExpiresAt(j) > context;
      EXPECT_NEAR(1.0 * kept / context, 1 - sparsity, 8.0 / context) << sparsity << " at " << context;
    }
  }
}

TEST(DrawnPolicyTest, TokensGoAtAllAges) {
  const DrawnPolicy policy = DrawnPolicy::WithSparsity(0.8, 4096);
  int soon = 0, late = 0;
  for (int j = 1024; j < 2048; ++j) {
    EXPECT_GT(policy.ExpiresAt(j), j);
    const int age = policy.ExpiresAt(j) - j;
    soon += age <= 64;
    late += age > 512 && policy.ExpiresAt(j) != kNever;
  }
  EXPECT_GT(soon, 100);
  EXPECT_GT(late, 100);
}

TEST(DrawnPolicyTest, KeepsTheNumberAtEveryContext) {
  for (const int wanted : {2, 7, 100}) {
    const DrawnPolicy policy = DrawnPolicy::WithKept(wanted, 1000);
    for (int n = 0; n < 1000; ++n) {
      int kept = 0;
      for (int j = 0; j <= n; ++j) kept += policy.ExpiresAt(j) > n;
      ASSERT_EQ(kept, std::min(n + 1, wanted)) << wanted << " at " << n;
    }
  }
}

TEST(DrawnPolicyTest, NothingIsDroppedAtZero) {
  const DrawnPolicy policy = DrawnPolicy::WithSparsity(0, 64);
  for (int j = 0; j < 64; ++j) EXPECT_EQ(policy.ExpiresAt(j), kNever);
}

TEST(DrawnPolicyTest, DecodeAndPrefillDecideAlike) {
  const DrawnPolicy policy = DrawnPolicy::WithSparsity(0.7, 200);
  EXPECT_TRUE(policy.NeedsInteraction());
  std::vector<int32_t> kept;
  for (int32_t n = 0; n < 200; ++n) {
    kept.push_back(n);
    const std::vector<float> scores(kept.size() - 1, 2.0f);
    std::vector<Eviction> evictions;
    policy.Select({n, kept, scores, {}}, evictions);
    for (auto e = evictions.rbegin(); e != evictions.rend(); ++e) {
      EXPECT_EQ(e->score, 2.0f);
      kept.erase(kept.begin() + e->slot);
    }
    std::vector<int32_t> expected;
    for (int32_t j = 0; j <= n; ++j) {
      if (policy.ExpiresAt(j) > n) expected.push_back(j);
    }
    ASSERT_EQ(kept, expected) << n;
  }
}

TEST(Cost, OfOneToken) {
  const ModelConfig config = ParseShape("gpt2", 64);
  const StepCost dense = DecodeCost(config, WeightType::kF32, false, 1, {});
  const double matrices = 12.0 * 12 * 768 * 768 + 50257.0 * 768;
  EXPECT_DOUBLE_EQ(dense.bytes, 4 * matrices);
  EXPECT_DOUBLE_EQ(dense.flops, 2 * matrices);
  EXPECT_DOUBLE_EQ(DecodeCost(config, WeightType::kI8, false, 1, {}).bytes, 1.125 * matrices);
  EXPECT_DOUBLE_EQ(DecodeCost(config, WeightType::kI4, false, 1, {}).bytes,
                   0.5625 * (matrices - 50257.0 * 768) + 1.125 * 50257 * 768);
  EXPECT_DOUBLE_EQ(DecodeCost(config, WeightType::kF16, true, 1, {}).bytes, 2 * (matrices + 12 * 768 * 128.0));
  const StepCost cached = DecodeCost(config, WeightType::kF32, false, 4, {1000, 12345});
  EXPECT_DOUBLE_EQ(cached.bytes, dense.bytes + 12345);
  EXPECT_DOUBLE_EQ(cached.flops, 4 * dense.flops + 4 * 768 * 1000.0);
  EXPECT_DOUBLE_EQ(PrefillProductFlops(config, false, 10), 2 * (10 * 144.0 * 768 * 768 / 1 + 50257.0 * 768));
}

TEST(RooflineKernels, DoTheWork) {
  alignas(64) float data[512];
  for (size_t i = 0; i < 512; ++i) data[i] = static_cast<float>(i);
  EXPECT_EQ(SumFloats(data, 512), 511 * 256);
  double flops = 0;
  const float sum = ChainMultiplyAdds(100'000, &flops);
  const double lanes = flops / (2 * 100'000 * 12);
  EXPECT_EQ(lanes, std::round(lanes));
  EXPECT_NEAR(sum / (12 * lanes), 1.0, 1e-3) << "every chain tends to 1";
}

TEST(Machine, MemoryInLargePagesIsCounted) {
  const auto before = ReadAnonymousMemory();
  if (!before) GTEST_SKIP() << "the system does not tell";
  constexpr size_t kBytes = size_t{64} << 20;
  const std::vector<char> held(kBytes, 1);
  const auto after = ReadAnonymousMemory();
  EXPECT_GE(after->bytes - before->bytes, static_cast<int64_t>(kBytes) / 2);
  EXPECT_LE(after->large_page_bytes, after->bytes);
  EXPECT_EQ(held.back(), 1);
}

TEST(Machine, LoadOfOthersIsWhatIsNotOurs) {
  const double cores = std::max(1u, std::thread::hardware_concurrency());
  const CpuTimes start = {100, 50, 10};
  const auto load = [&](double busy, double own) {
    return OtherLoad(start, CpuTimes{100 + cores, 50 + busy * cores, 10 + own * cores});
  };
  EXPECT_NEAR(*load(1.0, 0.25), 0.75, 1e-12);
  EXPECT_NEAR(*load(0.5, 0.5), 0.0, 1e-12);
  EXPECT_EQ(*load(0.5, 0.6), 0.0) << "clocks of different grain";
  EXPECT_FALSE(OtherLoad(start, CpuTimes{100 + 0.01 * cores, 50, 10}));
  EXPECT_FALSE(OtherLoad(start, std::nullopt));
}

}  // namespace
}  // namespace dcp::tools
