// Uses what a program outside this repository would: a model, a session, the cache, an error.
#include <array>
#include <cstdio>
#include <string>

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

bool Decodes() {
  dcp::ModelConfig config{.n_layer = 2, .n_head = 2, .n_embd = 16, .n_inner = 64, .n_positions = 32};
  config.vocab_size = 50;
  config.int_n_embd = 4;
  dcp::ThreadPool pool(2);
  dcp::SessionOptions options;
  options.policy = dcp::MakePolicy(dcp::ParsePolicy("window:2"));
  dcp::Session session(dcp::Model::Random(config, /*seed=*/1), pool, options);

  const dcp::SequenceId sequence = session.Add();
  const std::array<dcp::TokenId, 3> prompt = {1, 2, 3};
  const dcp::FeedItem item{sequence, prompt};
  session.Prefill({&item, 1});
  const dcp::TokenId next = 4;
  const dcp::Logits logits = session.Decode({&sequence, 1}, {&next, 1});
  return Check(logits.rows() == 1 && logits.row(0).size() == 50, "one row of logits over the vocabulary") &&
         Check(session.cache().KeptPositions(1, sequence) == std::vector<int32_t>{2, 3}, "a window of two tokens");
}

}  // namespace

int main() {
  const std::string headers = std::to_string(DCP_VERSION_MAJOR) + "." + std::to_string(DCP_VERSION_MINOR) + "." +
                              std::to_string(DCP_VERSION_PATCH);
  const bool ok = Check(dcp::Version() == headers, "headers and library are of one version") &&
                  Check(ThrowsIo(), "a model that is not there is an I/O error") && Decodes();
  return ok ? 0 : 1;
}
