#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "dcp-finetune/attention.h"
#include "dcp-finetune/check_gradients.h"
#include "dcp-finetune/lm_loss.h"
#include "dcp-finetune/soft_pruning.h"
#include "dcp/error.h"
#include "tests/reference/golden.h"

namespace dcp::finetune {
namespace {

TEST(GradientParity, LossesAndNormsAreThoseOfDoublePrecision) {
  int checked = 0;
  for (const std::filesystem::path& folder : reference::GoldenFolders(DCP_SOURCE_DIR)) {
    const GradientCheck check = CheckGradients(folder, folder / "golden.json");
    ASSERT_EQ(check.report.size(), 5u) << folder;
    EXPECT_LT(check.loss, 1e-6) << folder;
    EXPECT_LT(check.gradient, 5e-3) << folder;
    ++checked;
  }
  EXPECT_GE(checked, 2);
}

// Golden files as they were first made have float values, which nothing exact can meet.
TEST(GradientParity, TheOldFormOfGoldenFilesIsRefused) {
  const std::filesystem::path folder = std::filesystem::path(DCP_SOURCE_DIR) / "tests/data/golden/tiny";
  std::ifstream in(folder / "golden.json");
  tools::Json golden = tools::Json::parse(in);
  for (tools::Json& entry : golden["training"]["soft"]) {
    entry["lm_loss"] = static_cast<double>(entry["lm_loss"].get<float>());
  }
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / ("old_golden_" + std::to_string(getpid()) + ".json");
  std::ofstream(file) << golden;
  try {
    CheckGradients(folder, file);
    ADD_FAILURE() << "was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("old form"), std::string::npos) << error.what();
  }
  std::filesystem::remove(file);
}

// The same computation written out with differentiable operations, in double precision, for finite sums only.
torch::Tensor PlainLogI(const torch::Tensor& q_int, const torch::Tensor& k_int, const torch::Tensor& beta,
                        int64_t delay) {
  const int64_t tokens = q_int.size(1);
  const torch::Tensor s =
      torch::matmul(q_int, k_int.transpose(1, 2)) / std::sqrt(static_cast<double>(q_int.size(2))) + beta;
  const torch::Tensor earlier = torch::ones({tokens, tokens}, torch::kBool).tril(-1);
  const torch::Tensor at_once = torch::log_sigmoid(s).masked_fill(~earlier, 0).cumsum(1);
  return torch::constant_pad_nd(at_once, {0, 0, delay, 0}).slice(1, 0, tokens);
}

class SoftPruningOfDelay : public testing::TestWithParam<int64_t> {};

TEST_P(SoftPruningOfDelay, GradientsAreThoseOfThePlainFormula) {
  torch::manual_seed(3);
  const int64_t tokens = 150;  // more than two stripes
  const torch::Tensor mask = torch::ones({tokens, tokens}).tril(0);
  const torch::Tensor weights = torch::randn({2, tokens, tokens}) * mask, kept_weights = torch::randn({2, tokens});
  const auto leaf = [](const torch::Tensor& x) { return x.detach().clone().set_requires_grad(true); };
  const torch::Tensor q = torch::randn({2, tokens, 5}), k = torch::randn({2, tokens, 5}), b = torch::full({1}, 1.5f);
  const torch::Tensor q1 = leaf(q), k1 = leaf(k), b1 = leaf(b);
  const torch::Tensor q2 = leaf(q.to(torch::kDouble)), k2 = leaf(k.to(torch::kDouble)), b2 = leaf(b.to(torch::kDouble));
  const Interaction interaction = ComputeInteraction(q1, k1, b1, SigmoidTable(1), GetParam());
  const torch::Tensor finite = interaction.log_i.masked_fill(mask == 0, 0);
  ((finite * weights).sum() + (interaction.kept * kept_weights).sum()).backward();
  const torch::Tensor plain = PlainLogI(q2, k2, b2, std::min(GetParam(), tokens));
  const torch::Tensor kept = (plain.exp() * mask).sum(2) - 1;
  ((plain * weights).sum() + (kept * kept_weights).sum()).backward();
  EXPECT_TRUE(torch::allclose(interaction.kept.to(torch::kDouble), kept, 1e-4, 1e-5));
  EXPECT_TRUE(torch::isneginf(interaction.log_i.masked_select(mask == 0)).all().item<bool>());
  const auto close = [](const torch::Tensor& ours, const torch::Tensor& plain_value) {
    return (ours.to(torch::kDouble) - plain_value).norm().item<double>() <= 1e-5 * plain_value.norm().item<double>();
  };
  EXPECT_TRUE(close(q1.grad(), q2.grad()));
  EXPECT_TRUE(close(k1.grad(), k2.grad()));
  EXPECT_TRUE(close(b1.grad(), b2.grad()));
}

// None; within a stripe; more than two; to the last token; beyond the text, where nothing is ever dropped.
INSTANTIATE_TEST_SUITE_P(Delays, SoftPruningOfDelay, testing::Values(0, 7, 100, 149, 1000));

// Loss and gradients over several blocks of rows, some of which do not count, without a teacher and with shares of one.
TEST(LmLoss, IsThePlainFormula) {
  torch::manual_seed(5);
  const int64_t rows = 300, width = 6, vocabulary = 11;
  const torch::Tensor hidden = torch::randn({rows, width}), wte = torch::randn({vocabulary, width});
  const Teacher teacher = {torch::randn({rows, 4}), torch::randn({vocabulary, 4}), 0};
  torch::Tensor targets = torch::randint(vocabulary, {rows}, torch::kLong);
  targets.slice(0, 140, 160).fill_(kIgnoredTarget);
  const torch::Tensor counted = targets.ne(kIgnoredTarget);
  const torch::Tensor teacher_log_p = torch::log_softmax(torch::mm(teacher.hidden, teacher.wte.t()), 1);
  for (const double share : {-1.0, 0.0, 0.3, 1.0}) {  // -1: no teacher
    torch::Tensor h1 = hidden.clone().set_requires_grad(true), w1 = wte.clone().set_requires_grad(true);
    torch::Tensor h2 = hidden.clone().set_requires_grad(true), w2 = wte.clone().set_requires_grad(true);
    const Teacher given = share < 0 ? Teacher() : Teacher{teacher.hidden, teacher.wte, share};
    const torch::Tensor ours = LmLoss(h1, w1, targets, given, torch::kFloat);
    ours.backward();
    const torch::Tensor log_p = torch::log_softmax(torch::mm(h2, w2.t()), 1);
    const torch::Tensor text = -log_p.gather(1, targets.clamp_min(0).unsqueeze(1)).squeeze(1);
    const torch::Tensor divergence = (teacher_log_p.exp() * (teacher_log_p - log_p)).sum(1);
    const double part = std::max(share, 0.0);
    const torch::Tensor plain = (divergence * part + text * (1 - part)).masked_select(counted).mean();
    plain.backward();
    EXPECT_NEAR(ours.item<float>(), plain.item<float>(), 1e-5) << share;
    EXPECT_TRUE(torch::allclose(h1.grad(), h2.grad(), 1e-4, 1e-6)) << share;
    EXPECT_TRUE(torch::allclose(w1.grad(), w2.grad(), 1e-4, 1e-6)) << share;
  }
}

// One head group and several, dense and pruned, over block boundaries: all against the textbook form.
TEST(Attention, GradientsAreThoseOfThePlainFormula) {
  torch::manual_seed(4);
  const int64_t tokens = 150, heads = 3, width = 4, channels = heads * width;
  const torch::Tensor causal = torch::full({tokens, tokens}, -INFINITY).triu(1);
  const torch::Tensor out_weights = torch::randn({2, tokens, channels});
  const torch::Tensor qkv = torch::randn({2, tokens, 3 * channels}), bias = -torch::rand({2, tokens, tokens}) + causal;
  for (const bool pruned : {false, true}) {
    torch::Tensor q1 = qkv.clone().set_requires_grad(true), b1 = bias.clone().set_requires_grad(true);
    const torch::Tensor ours = CausalAttention(q1, pruned ? b1 : torch::Tensor(), heads);
    (ours * out_weights).sum().backward();
    torch::Tensor q2 = qkv.clone().set_requires_grad(true), b2 = bias.clone().set_requires_grad(true);
    const torch::Tensor parts = q2.view({2, tokens, 3, heads, width}).permute({2, 0, 3, 1, 4});
    torch::Tensor logits = torch::matmul(parts[0], parts[1].transpose(2, 3)) / 2.0;
    logits = logits + (pruned ? b2.unsqueeze(1) : causal);
    const torch::Tensor plain =
        torch::matmul(torch::softmax(logits, -1), parts[2]).transpose(1, 2).reshape(ours.sizes());
    (plain * out_weights).sum().backward();
    EXPECT_TRUE(torch::allclose(ours, plain, 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(q1.grad(), q2.grad(), 1e-4, 1e-5));
    if (pruned) {
      const torch::Tensor seen = (causal == 0).to(torch::kFloat);
      EXPECT_TRUE(torch::allclose(b1.grad() * seen, b2.grad() * seen, 1e-4, 1e-5));
    }
  }
}

}  // namespace
}  // namespace dcp::finetune
