// Promises of error.h, types.h, version.h, warnings.h, simd.h, sparse_sigmoid.h and thread_pool.h.
#include <sys/resource.h>

#include <cmath>
#include <limits>
#include <new>
#include <thread>
#include <type_traits>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

using api_testing::ExpectError;
using api_testing::Ids;
using api_testing::SmallModel;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(ErrorApi, HoldsItsCodeAndLine) {
  static_assert(std::is_nothrow_copy_constructible_v<Error> && std::is_nothrow_copy_assignable_v<Error>);
  static_assert(std::is_base_of_v<std::runtime_error, Error>);
  const Error error(ErrorCode::kIo, "a line");
  Error copy(ErrorCode::kInternal, "another");
  copy = error;
  EXPECT_EQ(copy.code(), ErrorCode::kIo);
  EXPECT_STREQ(copy.what(), "a line");
}

// Thrown in the shared library, caught here by each of its types.
TEST(ErrorApi, PassesFromTheLibraryToItsUser) {
  EXPECT_THROW(ParseKvType("none"), Error);
  EXPECT_THROW(ParseKvType("none"), std::runtime_error);
  EXPECT_THROW(ParseKvType("none"), std::exception);
}

TEST(TypesApi, NamesAreReadBack) {
  for (const WeightType type :
       {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4})
    EXPECT_EQ(ParseWeightType(ToString(type)), type);
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kI8}) EXPECT_EQ(ParseKvType(ToString(type)), type);
  EXPECT_EQ(ToString(Activation::kGeluTanh), "gelu_new");
  EXPECT_EQ(ToString(Activation::kIdentity), "linear");
}

TEST(TypesApi, OtherNamesAreRefusedWithTheChoices) {
  ExpectError(ErrorCode::kInvalidArgument, {"\"F32\"", "f32, bf16, f16, i8, i4"}, [] { ParseWeightType("F32"); });
  ExpectError(ErrorCode::kInvalidArgument, {"\"bf16\"", "f32, f16, i8"}, [] { ParseKvType("bf16"); });
  ExpectError(ErrorCode::kInvalidArgument, {"\"\"", "i4"}, [] { ParseWeightType(""); });
}

TEST(VersionApi, HeadersAndLibraryAreOne) {
  EXPECT_EQ(Version(), std::to_string(DCP_VERSION_MAJOR) + "." + std::to_string(DCP_VERSION_MINOR) + "." +
                           std::to_string(DCP_VERSION_PATCH));
}

TEST(WarningsApi, GoWhereTheyAreWanted) {
  Warnings warnings;
  Warn(&warnings, "one");
  Warn(nullptr, "nobody wants to know");
  Warn(&warnings, "two");
  EXPECT_EQ(warnings, (Warnings{"one", "two"}));
}

TEST(SimdApi, OneOfTheTargetsIsInUse) {
  ASSERT_FALSE(SimdTargets().empty());
  EXPECT_EQ(SimdTarget(), SimdTargets().front());
  for (const std::string& name : SimdTargets()) {
    UseSimdTarget(name);
    EXPECT_EQ(SimdTarget(), name);
  }
}

TEST(SimdApi, OthersAreRefusedWithTheChoices) {
  const std::string used(SimdTarget());
  ExpectError(ErrorCode::kInvalidArgument, {"\"mmx\"", SimdTargets().back()}, [] { UseSimdTarget("mmx"); });
  EXPECT_EQ(SimdTarget(), used);
}

TEST(SparseSigmoidApi, ArgumentsOutOfRangeAreRefused) {
  for (const double alpha : {0.5, -1.0, kNaN}) {
    const std::string name = std::isnan(alpha) ? "nan" : std::to_string(alpha);
    const auto refused = [&](auto&& call) {
      ExpectError(ErrorCode::kInvalidArgument, {"alpha is", name, ">= 1"}, call);
    };
    refused([&] { EvaluateSparseSigmoid(0, alpha); });
    refused([&] { SparseSigmoid(0, alpha); });
    refused([&] { SparseSigmoidDerivative(0, alpha); });
    refused([&] { SparseSigmoidInverse(0.5, alpha); });
    refused([&] { SparseSigmoidSupport(alpha); });
  }
  const auto not_a_number = [](auto&& call) { ExpectError(ErrorCode::kInvalidArgument, {"not a number"}, call); };
  not_a_number([] { EvaluateSparseSigmoid(kNaN, 2); });
  not_a_number([] { SparseSigmoid(kNaN, 2); });
  not_a_number([] { SparseSigmoidDerivative(kNaN, 2); });
  not_a_number([] { SparseSigmoidInverse(kNaN, 2); });
  ExpectError(ErrorCode::kInvalidArgument, {"1.5", "[0, 1]"}, [] { SparseSigmoidInverse(1.5, 2); });
  ExpectError(ErrorCode::kInvalidArgument, {"-0.25", "[0, 1]"}, [] { SparseSigmoidInverse(-0.25, 2); });
}

TEST(SparseSigmoidApi, EndsOfTheSupport) {
  EXPECT_EQ(SparseSigmoidInverse(1, 1), std::numeric_limits<double>::infinity());
  EXPECT_EQ(SparseSigmoidInverse(0, 1), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(SparseSigmoidInverse(1, 3), 0.5);
  EXPECT_EQ(SparseSigmoidSupport(3), 0.5);
  EXPECT_EQ(SparseSigmoid(0.5, 3), 1);
  EXPECT_EQ(SparseSigmoid(-0.5, 3), 0);
}

TEST(ThreadPoolApi, CountsOutOfRangeAreRefused) {
  ExpectError(ErrorCode::kInvalidArgument, {"-1", "1024"}, [] { ThreadPool pool(-1); });
  ExpectError(ErrorCode::kInvalidArgument, {"1025", "1024"}, [] { ThreadPool pool(1025); });
  EXPECT_EQ(ThreadPool(3).threads(), 3);
  EXPECT_GE(ThreadPool().threads(), 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A limit of the address space has room for the stacks of some threads only.
TEST(ThreadPoolApi, ThreadsThatTheSystemRefusesAreAnError) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer needs all of the address space";
#endif
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  if (pages == 0) GTEST_SKIP() << "no /proc/self/statm";
  const rlimit tight{pages * 4096 + (rlim_t{100} << 20), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  ExpectError(ErrorCode::kOutOfMemory, {"1000"}, [] { ThreadPool pool(1000); });
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(ThreadPool(2).threads(), 2);
}
#endif

TEST(ThreadPoolApi, EachIndexOnceByAWorkerInRange) {
  ThreadPool pool(3);
  std::vector<int> times(1000);
  std::atomic<bool> in_range = true;
  pool.ParallelFor(times.size(), [&](size_t index, size_t worker) {
    ++times[index];
    if (worker >= 3) in_range = false;
  });
  EXPECT_EQ(times, std::vector<int>(1000, 1));
  EXPECT_TRUE(in_range);
  pool.ParallelFor(0, [&](size_t, size_t) { in_range = false; });
  EXPECT_TRUE(in_range);
}

TEST(PoolLeaseApi, ASecondOneIsRefusedAndChangesNothing) {
  ThreadPool pool(2);
  Session session(SmallModel(), pool);
  const SequenceId sequence = session.Add();
  const TokenId id = 1;
  {
    const PoolLease lease(pool);
    ExpectError(ErrorCode::kInvalidArgument, {"thread pool", "in use"}, [&] { PoolLease second(pool); });
    ExpectError(ErrorCode::kInvalidArgument, {"thread pool", "in use"}, [&] {
      session.Decode({&sequence, 1}, {&id, 1});
    });
    EXPECT_EQ(session.cache().SeenTokens(sequence), 0);
  }
  EXPECT_EQ(session.Decode({&sequence, 1}, {&id, 1}).rows(), 1u);
}

}  // namespace
}  // namespace dcp
