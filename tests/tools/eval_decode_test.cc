// What dcp-eval says of a pruned window is what a user who feeds the same text token by token would see: prefill in
// chunks, windows in batches, and one Decode after the other give the same likelihoods.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "dcp-eval/scoring/likelihood.h"
#include "dcp/dcp.h"
#include "tests/reference/checkpoint_maker.h"
#include "tests/tools/tool_runner.h"

namespace dcp::tools {
namespace {

struct Decoded {
  std::vector<double> nll;
  double sparsity = 0;
};

Decoded DecodeTokenByToken(const std::string& directory, const PolicySpec& policy, std::span<const TokenId> ids) {
  ThreadPool pool(1);
  SessionOptions options;
  options.policy = MakePolicy(policy);
  Session session(Model::Load(directory), pool, options);
  const SequenceId sequence = session.Add();
  Decoded decoded;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Logits logits = session.Decode({&sequence, 1}, ids.subspan(i, 1));
    if (i + 1 < ids.size()) decoded.nll.push_back(NegativeLogLikelihood(logits.row(0), ids[i + 1]));
  }
  decoded.sparsity = session.cache().Sparsity(sequence);
  return decoded;
}

void ExpectEvalEqualsDecode(const std::string& directory, std::span<const TokenId> ids, const std::string& policy,
                            float threshold) {
  SCOPED_TRACE(policy + " " + std::to_string(threshold));
  TempDir dir;
  reference::WriteText(dir / "ids", "[" + Join(ids) + "]");
  Args args = {"perplexity", "--model", directory,     "--ids",     dir / "ids",
               "--policy",   policy,    "--per-token", dir / "nll", "--json"};
  if (threshold != 0) args.insert(args.end(), {"--threshold", std::to_string(threshold)});
  const Json eval = Eval(args).json();
  EXPECT_EQ(eval["windows"], 1);

  PolicySpec spec = ParsePolicy(policy);
  spec.threshold = threshold;
  const Decoded decoded = DecodeTokenByToken(directory, spec, ids);
  const auto nll = Json::parse(reference::ReadText(dir / "nll")).get<std::vector<double>>();
  ASSERT_EQ(nll.size(), decoded.nll.size());
  double sum = 0;
  for (size_t i = 0; i < nll.size(); ++i) {
    EXPECT_NEAR(nll[i], decoded.nll[i], 1e-4) << "token " << i + 1;
    sum += decoded.nll[i];
  }
  const double perplexity = std::exp(sum / static_cast<double>(nll.size()));
  EXPECT_NEAR(eval["perplexity"].get<double>() / perplexity, 1, 1e-5);
  EXPECT_NEAR(eval["sparsity"], decoded.sparsity, 1e-9);
  if (policy != "dense") {
    EXPECT_GT(decoded.sparsity, 0.2) << "the window has to be pruned to show anything";
  }
}

TEST(EvalDecode, TrainedModelOnHeldOutText) {
  const std::string source = DCP_SOURCE_DIR;
  std::ifstream file(source + "/tests/data/books-tiny/expected.json");
  const auto ids = Json::parse(file).at("ids").at(0).get<std::vector<TokenId>>();
  ASSERT_GE(ids.size(), 128u);
  ExpectEvalEqualsDecode(source + "/tests/data/books-tiny", ids, "learned", 0);
  ExpectEvalEqualsDecode(source + "/tests/data/books-tiny", ids, "learned", -1);
  ExpectEvalEqualsDecode(source + "/tests/data/books-tiny", ids, "h2o:40", 0);
}

TEST(EvalDecode, RandomModelUnderEveryPolicy) {
  TempDir dir;
  const std::string model = MakeByteModel(dir, "model", ByteModelConfig(300));
  std::vector<TokenId> ids;
  for (uint64_t i = 0; i < 300; ++i) ids.push_back(static_cast<TokenId>(256 * CounterUniform(3, 0, i)));
  for (const char* policy : {"dense", "learned", "window:40", "sinks:4,36", "strided:20,9", "h2o:40"}) {
    ExpectEvalEqualsDecode(model, ids, policy, 0);
  }
  ExpectEvalEqualsDecode(model, ids, "learned", 0.4f);
}

}  // namespace
}  // namespace dcp::tools
