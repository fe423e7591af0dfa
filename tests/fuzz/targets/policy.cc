// Policies as a command line names them.
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/small_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  static const std::shared_ptr<const Model> model = fuzz::SmallModel();
  static ThreadPool pool(1);
  if (size < 2) return 0;
  fuzz::Accepts([&] {
    PolicySpec spec = ParsePolicy(fuzz::AsText(data + 2, size - 2));
    spec.max_kept = data[0] % 32;
    spec.threshold = static_cast<float>(data[0] / 32) - 2.5f;
    const std::shared_ptr<const EvictionPolicy> policy = MakePolicy(spec, data[1] % 64);
    fuzz::Require(!policy->name().empty(), "a policy has a name");
    SessionOptions options;
    options.policy = policy;
    options.record_drops = true;
    Session session(model, pool, options);
    const SequenceId sequence = session.Add();
    const std::vector<TokenId> ids(20, data[1]);
    const FeedItem item{sequence, std::span(ids).first(12)};
    session.Prefill({&item, 1});
    for (size_t i = 12; i < ids.size(); ++i) session.Decode({&sequence, 1}, {&ids[i], 1});
    if (spec.max_kept > 0) fuzz::Require(session.cache().KeptTokens(0, sequence) <= spec.max_kept, "a cap is a cap");
  });
  return 0;
}
