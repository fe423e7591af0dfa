// Uses what a program outside this repository would: a model, a session, the cache, an error, a policy and a logits
// processor of its own, an exception of its own. Compiles without run-time type information, too.
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "dcp/dcp.h"

namespace {

bool Check(bool condition, const char* what) {
  if (!condition) std::fprintf(stderr, "consumer: failed: %s\n", what);
  return condition;
}

bool ThrowsIo() {
  try {
    dcp::Model::Load("no/such/model");
  } catch (const dcp::Error& error) {
    return error.code() == dcp::ErrorCode::kIo;
  }
  return false;
}

dcp::ModelConfig Shape() {
  dcp::ModelConfig config{.n_layer = 2, .n_head = 2, .n_embd = 16, .n_inner = 64, .n_positions = 32};
  config.vocab_size = 50;
  config.int_n_embd = 4;
  return config;
}

bool Decodes() {
  dcp::ThreadPool pool(2);
  dcp::SessionOptions options;
  options.policy = dcp::MakePolicy(dcp::ParsePolicy("window:2"));
  dcp::Session session(dcp::Model::Random(Shape(), /*seed=*/1), pool, options);

  const dcp::SequenceId sequence = session.Add();
  const std::array<dcp::TokenId, 3> prompt = {1, 2, 3};
  const dcp::FeedItem item{sequence, prompt};
  session.Prefill({&item, 1});
  const dcp::TokenId next = 4;
  const dcp::Logits logits = session.Decode({&sequence, 1}, {&next, 1});
  return Check(logits.rows() == 1 && logits.row(0).size() == 50, "one row of logits over the vocabulary") &&
         Check(session.cache().KeptPositions(1, sequence) == std::vector<int32_t>{2, 3}, "a window of two tokens");
}

class OwnError : public std::exception {
 public:
  const char* what() const noexcept override { return "thrown by the program"; }
};

// Keeps the last three tokens, and throws at position 9.
class OwnPolicy : public dcp::EvictionPolicy {
 public:
  std::string name() const override { return "own"; }
  void Select(const dcp::SlotsView& slots, std::vector<dcp::Eviction>& evictions) const override {
    if (slots.position == 9) throw OwnError();
    for (size_t i = 0; i < slots.positions.size(); ++i) {
      if (slots.positions[i] <= slots.position - 3) evictions.push_back({.slot = static_cast<uint32_t>(i)});
    }
  }
};

// Lets nothing but one token be chosen.
class OwnProcessor : public dcp::LogitsProcessor {
 public:
  void Process(const dcp::TokenHistory&, std::span<float> logits) const override {
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = i == 7 ? 0.0f : -1e30f;
  }
};

bool Extends() {
  dcp::ThreadPool pool(2);
  dcp::SessionOptions options;
  options.policy = std::make_shared<OwnPolicy>();
  dcp::Session session(dcp::Model::Random(Shape(), /*seed=*/1), pool, options);
  dcp::GenerateRequest request;
  request.prompt = {1, 2, 3, 4};
  request.options.max_new_tokens = 3;
  request.options.sampling.processors = {std::make_shared<OwnProcessor>()};
  const dcp::GenerateResult result = dcp::Generate(session, {&request, 1});
  bool ok = Check(result.sequences[0].generated_ids == std::vector<dcp::TokenId>{7, 7, 7}, "a processor of its own") &&
            Check(result.sequences[0].kept[1] == std::vector<int32_t>{3, 4, 5}, "a policy of its own");

  request.options.max_new_tokens = 20;
  bool thrown = false;
  try {
    dcp::Generate(session, {&request, 1});
  } catch (const OwnError&) {
    thrown = true;
  }
  std::string why;
  dcp::Scheduler scheduler(session, nullptr);
  dcp::ScheduleOptions schedule;
  schedule.on_done = [&](dcp::ScheduledResult done) { why = done.sequences[0].error; };
  scheduler.Submit(request, schedule);
  while (scheduler.Step()) {
  }
  ok = Check(thrown, "an exception of its own passes through Generate") && ok;
  return Check(why == "thrown by the program", "and ends a request of Scheduler") && ok;
}

}  // namespace

int main(int argc, char**) {
  const std::string headers = std::to_string(DCP_VERSION_MAJOR) + "." + std::to_string(DCP_VERSION_MINOR) + "." +
                              std::to_string(DCP_VERSION_PATCH);
  if (argc > 1) return std::puts(headers.c_str()) < 0;
  const bool ok = Check(dcp::Version() == headers, "headers and library are of one version") &&
                  Check(ThrowsIo(), "a model that is not there is an I/O error") && Decodes() && Extends();
  return ok ? 0 : 1;
}
