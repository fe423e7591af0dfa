// The whole of a session against two others. The bytes are a program: sequences that are added, fed in batches, cloned,
// saved and restored, given up. Each must end as it does alone in a session of its own, bit for bit, and one of them as
// the oracle says, which computes the whole prefix densely in double precision.
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/parity/parity_helpers.h"

namespace {

using namespace dcp;
using parity::PolicyCase;
using parity::TestModel;
using parity::Trace;

constexpr size_t kMostSequences = 5;
constexpr int kMostSteps = 40;

// Odd shapes, and those of one page, of more than one, of one layer; delays from none to more than a prompt.
const TestModel& ModelOf(size_t index) {
  static const std::vector<reference::RandomModelOptions> shapes = {{2, 2, 4, 3, 11, 40, 1},
                                                                    {1, 1, 5, 2, 7, 24, 2},
                                                                    {3, 1, 8, 4, 13, 36, 3},
                                                                    {2, 3, 2, 1, 9, 40, 4, WeightType::kF32, 1},
                                                                    {2, 2, 4, 3, 11, 40, 5, WeightType::kF32, 7},
                                                                    {1, 2, 3, 5, 8, 33, 6, WeightType::kF32, 20}};
  static std::vector<TestModel> models(shapes.size());
  TestModel& model = models[index % shapes.size()];
  if (model.fast == nullptr) model = parity::MakeTestModel(shapes[index % shapes.size()]);
  return model;
}

// One sequence, and how it came to be.
struct Fed {
  SequenceId id = 0;
  PolicySpec spec;
  std::shared_ptr<const EvictionPolicy> policy;  // null: the session's
  std::vector<TokenId> ids;
  struct Call {
    size_t tokens;
    bool decode;
  };
  std::vector<Call> calls;
  Trace trace;
};

class Program {
 public:
  explicit Program(fuzz::Choices choices) : choices_(choices), model_(ModelOf(choices_.Below(16))) {
    const std::vector<PolicyCase>& policies = parity::AllPolicies();
    spec_ = policies[choices_.Below(policies.size())].spec();
    options_.record_drops = true;
    options_.prefill_chunk = 1 + static_cast<int>(choices_.Below(36));
    options_.max_rows = 1 + static_cast<int>(choices_.Below(60));
    const uint8_t kv = choices_.Byte();
    options_.kv_type = kv < 200 ? KvType::kF32 : kv < 230 ? KvType::kF16 : KvType::kI8;
  }

  void Run() {
    const int layers = model_.fast->config().n_layer;
    const bool runs = fuzz::Accepts([&] {
      options_.policy = MakePolicy(spec_, model_.fast->config().n_positions);
      session_ = std::make_unique<Session>(model_.fast, pool_, options_);
    });
    fuzz::Require(runs || options_.policy == nullptr || options_.policy->LeastLayers() > layers,
                  "a session can be made");
    if (!runs) return;
    for (int step = 0; step < kMostSteps && !choices_.empty(); ++step) Step();
    for (size_t i = 0; i < sequences_.size(); ++i) Check(sequences_[i], i == 0);
    for (const Fed& fed : sequences_) session_->Finish(fed.id);
    fuzz::Require(session_->cache().Stats().pages_in_use == 0, "every page went back");
  }

 private:
  void Step() {
    const size_t what = choices_.Below(16);
    if (sequences_.empty() || (what == 0 && sequences_.size() < kMostSequences)) return Add();
    Fed& one = sequences_[choices_.Below(sequences_.size())];
    if (what == 1 && sequences_.size() < kMostSequences) {
      Fed copy = one;
      copy.id = session_->Clone(one.id);
      sequences_.push_back(std::move(copy));
    } else if (what == 2) {
      SaveAndRestore(one);
    } else if (what == 3) {
      Check(one, false);
      session_->Finish(one.id);
      sequences_.erase(sequences_.begin() + (&one - sequences_.data()));
    } else if (what < 10) {
      Prefill();
    } else {
      Decode();
    }
  }

  void Add() {
    Fed fed;
    fed.spec = spec_;
    // A policy of its own: another threshold or cap, or dense.
    const uint8_t own = choices_.Byte();
    if (own % 4 == 1) fed.spec.max_kept = 1 + own / 4 % 16;
    if (own % 4 == 2) fed.spec.threshold = static_cast<float>(own / 4 % 16) / 8 - 1;
    if (own % 4 == 3) fed.spec = PolicySpec{};
    if (own % 4 != 0) fed.policy = MakePolicy(fed.spec, model_.fast->config().n_positions);
    if (!fuzz::Accepts([&] { fed.id = session_->Add(fed.policy); })) return;
    sequences_.push_back(std::move(fed));
  }

  std::vector<TokenId> Tokens(size_t count) {
    std::vector<TokenId> ids(count);
    const auto vocabulary = static_cast<size_t>(model_.fast->config().vocab_size);
    const uint8_t seed = choices_.Byte();
    for (size_t i = 0; i < count; ++i) ids[i] = static_cast<TokenId>((seed + i * (seed % 7 + 1)) % vocabulary);
    return ids;
  }

  // Of some of the sequences at once.
  void Prefill() {
    const uint8_t members = choices_.Byte();
    std::vector<std::vector<TokenId>> tokens(sequences_.size());
    std::vector<FeedItem> items;
    std::vector<Fed*> fed;
    bool too_long = false;
    for (size_t i = 0; i < sequences_.size(); ++i) {
      if ((members >> i & 1) != 0 && !fed.empty()) continue;
      tokens[i] = Tokens(1 + choices_.Below(12));
      too_long = too_long || static_cast<int>(tokens[i].size()) > session_->Remaining(sequences_[i].id);
      items.push_back({sequences_[i].id, tokens[i], LogitsMode::kAll});
      fed.push_back(&sequences_[i]);
    }
    Logits logits;
    const bool ran = fuzz::Accepts([&] { logits = session_->Prefill(items); });
    fuzz::Require(ran != too_long, "what fits is read");
    size_t row = 0;
    for (size_t k = 0; ran && k < items.size(); ++k) {
      fed[k]->calls.push_back({items[k].tokens.size(), false});
      for (const TokenId id : items[k].tokens) Append(*fed[k], id, logits.row(row++));
    }
  }

  void Decode() {
    const uint8_t members = choices_.Byte();
    std::vector<SequenceId> ids;
    std::vector<Fed*> fed;
    for (size_t i = 0; i < sequences_.size(); ++i) {
      if ((members >> i & 1) != 0 || session_->Remaining(sequences_[i].id) == 0) continue;
      ids.push_back(sequences_[i].id);
      fed.push_back(&sequences_[i]);
    }
    if (ids.empty()) return;
    const std::vector<TokenId> tokens = Tokens(ids.size());
    const Logits logits = session_->Decode(ids, tokens);
    for (size_t k = 0; k < fed.size(); ++k) {
      fed[k]->calls.push_back({1, true});
      Append(*fed[k], tokens[k], logits.row(k));
    }
  }

  static void Append(Fed& fed, TokenId id, std::span<const float> logits) {
    fed.ids.push_back(id);
    fed.trace.logits.emplace_back(logits.begin(), logits.end());
  }

  void SaveAndRestore(Fed& fed) {
    std::stringstream stream;
    session_->Save(fed.id, stream);
    session_->Finish(fed.id);
    fed.id = session_->Restore(stream, fed.policy);
  }

  void Check(Fed& fed, bool ask_oracle) {
    if (fed.ids.empty()) return;
    parity::Observe(*session_, fed.id, fed.trace);
    parity::ExpectIdentical(fed.trace, Alone(fed));
    // i8 and f16 caches round K and V, which the oracle does not.
    if (!ask_oracle || options_.kv_type != KvType::kF32) return;
    parity::ExpectAgrees(fed.trace, model_.oracle->Run(fed.ids, fed.spec), fed.ids);
  }

  // The same calls, with nobody else there.
  Trace Alone(const Fed& fed) {
    Session session(model_.fast, pool_, options_);
    const SequenceId sequence = session.Add(fed.policy);
    Trace trace;
    size_t at = 0;
    for (const Fed::Call& call : fed.calls) {
      const std::span<const TokenId> ids = std::span(fed.ids).subspan(at, call.tokens);
      at += call.tokens;
      const FeedItem item{sequence, ids, LogitsMode::kAll};
      const Logits logits = call.decode ? session.Decode({&sequence, 1}, ids) : session.Prefill({&item, 1});
      for (size_t i = 0; i < ids.size(); ++i) trace.logits.emplace_back(logits.row(i).begin(), logits.row(i).end());
    }
    parity::Observe(session, sequence, trace);
    return trace;
  }

  fuzz::Choices choices_;
  const TestModel& model_;
  PolicySpec spec_;
  SessionOptions options_;
  ThreadPool pool_{1};
  std::unique_ptr<Session> session_;
  std::vector<Fed> sequences_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  testing::InitGoogleTest(argc, *argv);
  GTEST_FLAG_SET(throw_on_failure, true);  // nothing catches it: what does not agree is a finding
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Program(fuzz::Choices(std::span(data, size))).Run();
  return 0;
}
