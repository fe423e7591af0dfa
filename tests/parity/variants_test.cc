// Models that differ from the published GPT-2, and LoRA adapters, against what Hugging Face's transformers and PEFT
// compute for them (tests/oracle/make_variants.py made the files).
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/parity/parity_helpers.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::parity {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path& Folder() {
  static const fs::path folder = fs::path(DCP_SOURCE_DIR) / "tests/data/variants";
  return folder;
}

const json& Document() {
  static const json document = json::parse(std::ifstream(Folder() / "variants.json"));
  return document;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const json& one : Document().at("cases")) names.push_back(one.at("name"));
  return names;
}

const json& CaseOf(const std::string& name) {
  for (const json& one : Document().at("cases")) {
    if (one.at("name") == name) return one;
  }
  throw std::out_of_range(name);
}

class HuggingFaceVariants : public testing::TestWithParam<std::string> {
 protected:
  HuggingFaceVariants()
      : case_(CaseOf(GetParam())),
        ids_(Document().at("ids").get<std::vector<TokenId>>()),
        directory_(fs::path(testing::TempDir()) / ("dcp_variant_" + std::to_string(::getpid()) + "_" + GetParam())) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    fs::copy(Folder() / case_.at("model").get<std::string>() / "model.safetensors", directory_);
    reference::WriteText(directory_ / "config.json", case_.at("config").dump());
    if (case_.contains("adapter")) adapter_ = Folder() / case_.at("adapter").get<std::string>();
  }
  ~HuggingFaceVariants() override { fs::remove_all(directory_); }

  template <typename Logits>  // row by row
  void ExpectLogits(const Logits& row_of) const {
    const auto expected = case_.at("logits").get<std::vector<std::vector<double>>>();
    ASSERT_EQ(expected.size(), ids_.size());
    for (size_t t = 0; t < expected.size(); ++t) {
      EXPECT_LT(RelativeDifference(row_of(t), std::span<const double>(expected[t])), kLogitTolerance) << "token " << t;
    }
  }

  const json& case_;
  const std::vector<TokenId> ids_;
  const fs::path directory_;
  fs::path adapter_;
};

TEST_P(HuggingFaceVariants, Oracle) {
  const reference::Oracle oracle(Checkpoint::Open(directory_, adapter_));
  const auto result = oracle.Run(ids_, ParsePolicy("dense"));
  ExpectLogits([&](size_t t) { return Row(result.logits, t); });
}

TEST_P(HuggingFaceVariants, FastPath) {
  ModelOptions options;
  options.adapter = adapter_;
  const auto model = Model::Load(directory_, options);
  ThreadPool pool(1);
  for (const size_t prefill : {ids_.size(), size_t{2}}) {
    const Trace trace = RunAlone(model, pool, {}, ids_, prefill);
    ExpectLogits([&](size_t t) { return std::span<const float>(trace.logits[t]); });
  }
}

INSTANTIATE_TEST_SUITE_P(All, HuggingFaceVariants, testing::ValuesIn(Names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace dcp::parity
