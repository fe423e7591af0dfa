#include "io/tensor_names.h"

#include "tests/unit/io/io_testing.h"

namespace dcp {
namespace {

using io_testing::ExpectError;

std::string Canonical(const std::vector<std::string>& names, const std::string& name) {
  return TensorNames(names, "f").Canonical(name);
}

TEST(TensorNamesTest, PrefixesOfWrappersAndClasses) {
  for (const char* prefix :
       {"", "transformer.", "gpt2.", "model.", "model.transformer.", "pretrained_model.transformer.", "a.b.c."}) {
    const std::string p = prefix;
    const TensorNames names({p + "wte.weight", p + "h.0.ln_1.weight"}, "f");
    EXPECT_EQ(names.prefix(), p);
    EXPECT_EQ(names.Canonical(p + "wte.weight"), "wte.weight");
    EXPECT_EQ(names.Canonical(p + "h.11.mlp.c_fc.bias"), "h.11.mlp.c_fc.bias");
    EXPECT_EQ(names.Canonical(p + "ln_f.bias"), "ln_f.bias");
  }
}

TEST(TensorNamesTest, WhatTorchPutsAnywhere) {
  for (const char* name :
       {"_orig_mod.transformer.wte.weight", "module.transformer.wte.weight", "module._orig_mod.transformer.wte.weight",
        "transformer._orig_mod.wte.weight", "_fsdp_wrapped_module.transformer.module.wte.weight"}) {
    const TensorNames names({name}, "f");
    EXPECT_EQ(names.prefix(), "transformer.") << name;
    EXPECT_EQ(names.Canonical(name), "wte.weight");
    EXPECT_EQ(names.Canonical("module.transformer.h.3._orig_mod.attn.c_proj.weight"), "h.3.attn.c_proj.weight");
    EXPECT_EQ(names.Canonical("module.lm_head.weight"), "lm_head.weight");
  }
}

TEST(TensorNamesTest, TheHeadStandsBesideTheTransformer) {
  const std::vector<std::string> names = {"policy.model.transformer.wte.weight"};
  EXPECT_EQ(Canonical(names, "policy.model.lm_head.weight"), "lm_head.weight");
  EXPECT_EQ(Canonical(names, "policy.v_head.weight"), "v_head.weight");
  EXPECT_EQ(Canonical(names, "critic.v_head.weight"), "critic.v_head.weight");
  EXPECT_EQ(Canonical({"wte.weight"}, "lm_head.weight"), "lm_head.weight");
}

TEST(TensorNamesTest, AnAdapterHasLayersAlone) {
  EXPECT_EQ(Canonical({"x.h.0.attn.q_int.weight"}, "x.h.1.attn.int_bias"), "h.1.attn.int_bias");
}

TEST(TensorNamesTest, HuggingFaceOwnPrefixGoesBeforeOthers) {
  const std::vector<std::string> names = {"ref.transformer.wte.weight", "transformer.wte.weight"};
  EXPECT_EQ(Canonical(names, "transformer.wte.weight"), "wte.weight");
  EXPECT_EQ(Canonical(names, "ref.transformer.wte.weight"), "ref.transformer.wte.weight");
  EXPECT_EQ(Canonical({"wte.weight"}, "transformer.ln_f.bias"), "ln_f.bias");
}

TEST(TensorNamesTest, NoGpt2OrTwo) {
  ExpectError(
      [] {
        TensorNames({"model.embed_tokens.weight", "model.norm.weight"}, "f");
      },
      ErrorCode::kInvalidModel, {"f: holds no tensors of a GPT-2", "the first of 2 is model.embed_tokens.weight"});
  ExpectError([] { TensorNames({}, "f"); }, ErrorCode::kInvalidModel,
              {"f: holds no tensors of a GPT-2", "it is empty"});
  ExpectError(
      [] {
        TensorNames({"b.wte.weight", "a.wte.weight"}, "f");
      },
      ErrorCode::kInvalidModel, {"f: holds more than one GPT-2: wte.weight stands behind \"a.\" and behind \"b.\""});
  for (const char* odd : {"", ".", "..", "module.", "module", "h.", "wte.weight.", "h.x.ln_1"}) {
    ExpectError([&] { TensorNames({odd}, "f"); }, ErrorCode::kInvalidModel, {"f: holds no tensors of a GPT-2"});
  }
}

}  // namespace
}  // namespace dcp
