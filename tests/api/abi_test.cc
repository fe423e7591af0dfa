// What programs were compiled against, beside the names that symbols.txt lists: sizes of public types and the order of
// virtual methods, held to layout.txt. DCP_UPDATE_ABI=1 in the environment writes it anew.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "tests/api/api_testing.h"

namespace dcp {
namespace {

#if defined(__x86_64__) && defined(__GLIBCXX__) && _GLIBCXX_USE_CXX11_ABI && !defined(_GLIBCXX_DEBUG)

class Layout {
 public:
  template <typename T>
  void Type(const char* name) {
    text_ << name << ' ' << sizeof(T) << " bytes\n";
  }
  // A pointer to a virtual method holds its place in the vtable (Itanium C++ ABI, 2.3).
  template <typename Method>
  void Virtual(const char* name, Method method) {
    uintptr_t word = 0;
    std::memcpy(&word, &method, sizeof word);
    text_ << name << " virtual " << (word - 1) / sizeof(void*) << '\n';
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

#define DCP_TYPE(name) layout.Type<name>(#name)
#define DCP_VIRTUAL(...) layout.Virtual(#__VA_ARGS__, &__VA_ARGS__)

std::string LayoutOfThisBuild() {
  Layout layout;
  DCP_TYPE(BatchOptions);
  DCP_TYPE(CacheStats);
  DCP_TYPE(ContinuationScore);
  DCP_TYPE(DropLog);
  DCP_TYPE(EncodeOptions);
  DCP_TYPE(Error);
  DCP_TYPE(Eviction);
  DCP_TYPE(EvictionPolicy);
  DCP_TYPE(FeedItem);
  DCP_TYPE(GenerateOptions);
  DCP_TYPE(GenerateRequest);
  DCP_TYPE(GenerateResult);
  DCP_TYPE(GenerateStats);
  DCP_TYPE(GeneratedLogprobs);
  DCP_TYPE(GeneratedSequence);
  DCP_TYPE(GeneratedToken);
  DCP_TYPE(KvCache);
  DCP_TYPE(LatencyHistogram);
  DCP_TYPE(LayerDrop);
  DCP_TYPE(LayerRange);
  DCP_TYPE(LogitBias);
  DCP_TYPE(Logits);
  DCP_TYPE(LogitsProcessor);
  DCP_TYPE(Model);
  DCP_TYPE(ModelConfig);
  DCP_TYPE(ModelOptions);
  DCP_TYPE(PassPart);
  DCP_TYPE(PolicySpec);
  DCP_TYPE(PolicySpec::Shares);
  DCP_TYPE(PoolLease);
  DCP_TYPE(PromptState);
  DCP_TYPE(RequestTiming);
  DCP_TYPE(Sampler);
  DCP_TYPE(Sampler::Scratch);
  DCP_TYPE(SamplingOptions);
  DCP_TYPE(ScheduleOptions);
  DCP_TYPE(ScheduledResult);
  DCP_TYPE(Scheduler);
  DCP_TYPE(SchedulerOptions);
  DCP_TYPE(SchedulerStats);
  DCP_TYPE(Session);
  DCP_TYPE(SessionOptions);
  DCP_TYPE(SlotsView);
  DCP_TYPE(SparseSigmoidPoint);
  DCP_TYPE(StreamDecoder);
  DCP_TYPE(ThreadPool);
  DCP_TYPE(TokenHistory);
  DCP_TYPE(TokenLogprob);
  DCP_TYPE(Tokenizer);
  DCP_VIRTUAL(EvictionPolicy::name);
  DCP_VIRTUAL(EvictionPolicy::Select);
  DCP_VIRTUAL(EvictionPolicy::NeedsInteraction);
  DCP_VIRTUAL(EvictionPolicy::NeedsAttention);
  DCP_VIRTUAL(EvictionPolicy::FollowsDelay);
  DCP_VIRTUAL(EvictionPolicy::chunk_rule);
  DCP_VIRTUAL(EvictionPolicy::ExpiresAt);
  DCP_VIRTUAL(EvictionPolicy::threshold);
  DCP_VIRTUAL(EvictionPolicy::ForLayer);
  DCP_VIRTUAL(EvictionPolicy::LeastLayers);
  DCP_VIRTUAL(LogitsProcessor::Process);
  DCP_VIRTUAL(KvCache::layers);
  DCP_VIRTUAL(KvCache::Sequences);
  DCP_VIRTUAL(KvCache::SeenTokens);
  DCP_VIRTUAL(KvCache::KeptTokens);
  DCP_VIRTUAL(KvCache::KeptPositions);
  DCP_VIRTUAL(KvCache::SlotPositions);
  DCP_VIRTUAL(KvCache::Sparsity);
  return layout.text();
}

#endif

TEST(AbiApi, LayoutIsThatOfTheVersion) {
#if defined(__x86_64__) && defined(__GLIBCXX__) && _GLIBCXX_USE_CXX11_ABI && !defined(_GLIBCXX_DEBUG)
  const std::filesystem::path path = api_testing::SourceDir() / "tests/api/layout.txt";
  const std::string head = "libdcp " + std::to_string(DCP_VERSION_MAJOR) + "." + std::to_string(DCP_VERSION_MINOR) +
                           ", x86-64, libstdc++: layout of public types\n";
  const std::string found = head + LayoutOfThisBuild();
  if (std::getenv("DCP_UPDATE_ABI") != nullptr) std::ofstream(path) << found;
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(found, expected.str())
      << "The ABI is no longer that of this version (docs/api.md): DCP_UPDATE_ABI=1 accepts "
         "it, with a new minor version where one was released.";
#else
  GTEST_SKIP() << "layout.txt is that of x86-64 and libstdc++";
#endif
}

}  // namespace
}  // namespace dcp
