#include "tests/fuzz/saved_states.h"

#include <sstream>

namespace dcp::fuzz {
namespace {

// Magic, version, byte order, fingerprint, eight numbers of the shape.
constexpr size_t kSequenceHead = 8 + 4 + 4 + 8 + 8 * 8;
// Magic, version, two fingerprints, the length of the policy's name.
constexpr size_t kPromptHead = 8 + 4 + 8 + 8 + 8;
constexpr size_t kChecksum = 8;

struct Kind {
  const char* policy;
  float threshold = 0;
  int delay = 0;
  KvType kv = KvType::kF32;
  bool drops = false;
};

std::vector<TokenId> Ids(int tokens) {
  std::vector<TokenId> ids;
  for (int i = 0; i < tokens; ++i) ids.push_back(static_cast<TokenId>((3 * i * i + i) % 17));
  return ids;
}

std::string SavedSequence(Session& session, int tokens) {
  const PromptState state = ReadPrompt(session, Ids(tokens));
  std::ostringstream out;
  session.Save(state.sequence, out);
  session.Finish(state.sequence);
  return out.str();
}

std::string SavedPrompt(Session& session, int tokens) {
  const PromptState state = ReadPrompt(session, Ids(tokens));
  std::ostringstream out;
  SavePromptState(session, state, nullptr, out);
  session.Finish(state.sequence);
  return out.str();
}

std::unique_ptr<StateSetting> Make(const Kind& kind) {
  ModelConfig config;
  config.n_layer = 2;
  config.n_head = 2;
  config.n_embd = 8;
  config.n_inner = 8;
  config.n_positions = 40;
  config.vocab_size = 17;
  config.int_n_embd = 3;
  config.eviction_delay = kind.delay;
  auto setting = std::make_unique<StateSetting>();
  setting->model = Model::Random(config, 5);
  SessionOptions options;
  PolicySpec spec = ParsePolicy(kind.policy);
  spec.threshold = kind.threshold;
  options.policy = MakePolicy(spec);
  options.kv_type = kind.kv;
  options.record_drops = kind.drops;
  setting->session = std::make_unique<Session>(setting->model, setting->pool, options);
  setting->sequence_head = SavedSequence(*setting->session, 1).substr(0, kSequenceHead);
  setting->prompt_head =
      SavedPrompt(*setting->session, 1).substr(0, kPromptHead + setting->session->policy().name().size());
  return setting;
}

}  // namespace

std::vector<std::unique_ptr<StateSetting>> StateSettings() {
  std::vector<std::unique_ptr<StateSetting>> settings;
  for (const Kind& kind :
       {Kind{"dense"}, Kind{"learned", 2.0f, 0, KvType::kF32, true}, Kind{"learned", 2.0f, 6, KvType::kF16, true},
        Kind{"window:7", 0, 0, KvType::kI8, true}, Kind{"h2o:9", 0, 0, KvType::kF32, true},
        Kind{"sinks:2,20", 0, 6, KvType::kF16, false}, Kind{"h2o:5@0+learned", 2.0f, 6, KvType::kF32, true}}) {
    settings.push_back(Make(kind));
  }
  return settings;
}

std::string SequencePayload(StateSetting& setting, int tokens) {
  std::string bytes = SavedSequence(*setting.session, tokens).substr(setting.sequence_head.size());
  bytes.resize(bytes.size() - kChecksum);
  return bytes;
}

std::string PromptPayload(StateSetting& setting, int tokens) {
  const std::string all = SavedPrompt(*setting.session, tokens).substr(setting.prompt_head.size());
  const auto numbers = static_cast<size_t>(tokens + setting.model->config().vocab_size);
  return all.substr(0, sizeof(uint64_t) + 4 * numbers) + SequencePayload(setting, tokens);
}

}  // namespace dcp::fuzz
