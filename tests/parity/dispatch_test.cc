// Every instruction set that the kernels are compiled for gives the whole model's result, alone and in a batch.
#include "tests/parity/parity_helpers.h"
#include "tests/unit/kernels/kernel_testing.h"

namespace dcp::parity {
namespace {

using reference::RandomModelOptions;

class Dispatch : public kernel_testing::EveryTarget {};

TEST_P(Dispatch, AgreesWithTheOracle) {
  for (const WeightType type :
       {WeightType::kF32, WeightType::kBF16, WeightType::kF16, WeightType::kI8, WeightType::kI4}) {
    RandomModelOptions shape = {3, 3, 11, 7, 149, 90, 71};
    shape.exact_in = type;
    const auto ids = reference::RandomIds(shape.positions, shape.vocab, shape.seed);
    ThreadPool pool(1);
    for (const PolicyCase& policy : SomePolicies()) {
      SCOPED_TRACE(std::string(ToString(type)) + ", " + policy.name);
      const TestModel model = MakeTestModel(policy.On(shape), type);
      SessionOptions options;
      options.policy = MakePolicy(policy.spec());
      options.record_drops = true;
      const auto exact = model.oracle->Run(ids, policy.spec());
      const Trace trace = RunAlone(model.fast, pool, options, ids, 60);
      ExpectAgrees(trace, exact, ids, ToleranceOf(type));

      // Batch mates first, so that this sequence's rows stand elsewhere in every product.
      Session session(model.fast, pool, options);
      std::vector<FeedItem> items;
      for (const size_t length : {size_t{5}, size_t{23}, size_t{60}}) {
        items.push_back({session.Add(), std::span(ids).first(length), LogitsMode::kLast});
      }
      session.Prefill(items);
      Trace batched;
      batched.logits.resize(60);
      for (size_t t = 60; t < ids.size(); ++t) {
        const SequenceId sequences[] = {items[0].sequence, items[1].sequence, items[2].sequence};
        const TokenId tokens[] = {ids[t - 55], ids[t - 37], ids[t]};
        const auto row = session.Decode(sequences, tokens).row(2);
        batched.logits.emplace_back(row.begin(), row.end());
      }
      Observe(session, items[2].sequence, batched);
      ExpectIdentical(batched, trace);
    }
  }
}

DCP_FOR_EVERY_TARGET(Dispatch);

}  // namespace
}  // namespace dcp::parity
