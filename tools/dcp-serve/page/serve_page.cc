#include "dcp-serve/page/serve_page.h"

#include "common/page/page.h"
#include "dcp-serve/page/assets.h"
#include "support/escape.h"

namespace dcp::tools {
namespace {

// Bytes of K and V of one token in one layer.
int SlotBytes(const ModelConfig& config, KvType type) {
  switch (type) {
    case KvType::kF32:
      return 2 * 4 * config.n_embd;
    case KvType::kF16:
      return 2 * 2 * config.n_embd;
    case KvType::kI8:
      return 2 * (config.n_embd + 4 * config.n_head);
  }
  return 0;
}

}  // namespace

std::string ServePage(const std::string& model, const Engine& engine, bool keys) {
  const ModelConfig& config = engine.model().config();
  Json data;
  data["model"] = model;
  data["policy"] = engine.policy();
  if (engine.policy_spec().Has(PolicySpec::Kind::kLearned)) data["threshold"] = engine.policy_spec().threshold;
  data["layers"] = config.n_layer;
  data["positions"] = config.n_positions;
  data["slot_bytes"] = SlotBytes(config, engine.kv_type());
  data["keys"] = keys;
  return MakePage({.title = EscapeHtml("Write with " + model),
                   .styles = kServeCss,
                   .body = kServeHtml,
                   .scripts = {kStreamJs, kServeJs},
                   .connects = true},
                  data);
}

}  // namespace dcp::tools
