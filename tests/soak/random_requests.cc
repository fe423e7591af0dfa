#include "tests/soak/random_requests.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace dcp::soak {
namespace {

constexpr int kBytes = 256;

// Random interaction weights are small beside beta = 2: this threshold drops about half of the tokens.
constexpr float kHalf = 2.0f;

PolicySpec DrawPolicy(Draw& draw) {
  constexpr const char* kPolicies[] = {"dense",       "learned",  "learned",    "window:9",
                                       "sinks:2,20",  "h2o:24",   "window:30%", "learned@0+window:20",
                                       "strided:6,4", "h2o:30%@1"};
  PolicySpec spec = ParsePolicy(kPolicies[draw.Below(static_cast<int>(std::size(kPolicies)))]);
  if (spec.Has(PolicySpec::Kind::kLearned)) spec.threshold = kHalf;
  if (draw.OneIn(5)) spec.max_kept = 12 + draw.Below(40);
  return spec;
}

// One of a few texts, cut somewhere, so that requests often begin alike; sometimes with an end of its own.
std::vector<TokenId> DrawPrompt(Draw& draw, int longest) {
  std::vector<TokenId> ids(static_cast<size_t>(1 + draw.Below(longest)));
  const int text = draw.Below(5);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>((text * 31 + i * i * 7 + i * 3) % kBytes);
  if (draw.OneIn(3)) ids.back() = draw.Below(kBytes);
  return ids;
}

void DrawSampling(Draw& draw, SamplingOptions& sampling) {
  sampling.seed = draw.Bits();
  sampling.temperature = draw.OneIn(3) ? 0.0f : 0.3f + static_cast<float>(draw.Share());
  if (draw.OneIn(4)) sampling.top_k = 1 + draw.Below(50);
  if (draw.OneIn(4)) sampling.top_p = 0.1f + 0.9f * static_cast<float>(draw.Share());
  if (draw.OneIn(6)) sampling.min_p = 0.05f;
  if (draw.OneIn(6)) sampling.typical_p = 0.9f;
  if (draw.OneIn(4)) sampling.repetition_penalty = 1.3f;
  if (draw.OneIn(6)) sampling.presence_penalty = 0.5f;
  if (draw.OneIn(6)) sampling.no_repeat_ngram_size = 2 + draw.Below(3);
  if (draw.OneIn(6)) sampling.logit_bias = {{draw.Below(kBytes), 3.0f}, {draw.Below(kBytes), -100.0f}};
}

void DrawKind(Draw& draw, int positions, GenerateOptions& options) {
  switch (draw.Below(9)) {
    case 0:
      options.samples = 2 + draw.Below(4);
      break;
    case 1:
      options.num_beams = 2 + draw.Below(3);
      options.sampling.temperature = 0.0f;
      break;
    case 2:
      options.continuations = {DrawPrompt(draw, 12), DrawPrompt(draw, 25)};
      break;
    case 3:
      options.overflow = Overflow::kSlide;
      options.max_new_tokens = positions;
      break;
    case 4:
      options.truncate = Truncate::kLeft;
      break;
    default:
      break;
  }
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool IsBeginning(const std::vector<TokenId>& part, const std::vector<TokenId>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

}  // namespace

std::shared_ptr<const Model> SmallModel(uint64_t seed, int delay) {
  ModelConfig config;
  config.n_layer = 2;
  config.n_head = 2;
  config.n_embd = 16;
  config.n_inner = 64;
  config.n_positions = 128;
  config.vocab_size = kBytes + 1;
  config.eos_token_ids = {kBytes};
  config.int_n_embd = 4;
  config.eviction_delay = delay;
  return Model::Random(config, seed);
}

Setting DrawSetting(Draw& draw, const Model& model) {
  Setting setting;
  const int positions = model.config().n_positions;
  const PolicySpec policy = DrawPolicy(draw);
  setting.session.policy = MakePolicy(policy, positions);
  constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kI8};
  setting.session.kv_type = kTypes[draw.Below(3)];
  setting.session.prefill_chunk = 8 << draw.Below(4);
  setting.session.max_rows = setting.session.prefill_chunk * (1 + draw.Below(4));
  setting.session.record_drops = draw.OneIn(3);
  // Room for a few sequences at their ends, so that some are set aside and beginnings are given up.
  constexpr size_t kDensePage = 2 * kSlotsPerPage * 16 * sizeof(float);
  const size_t one = 2 * static_cast<size_t>(positions / kSlotsPerPage + 1) * kDensePage;
  setting.scheduler.kv_budget_bytes = draw.OneIn(6) ? 0 : one * static_cast<size_t>(3 + draw.Below(12));
  setting.scheduler.max_running = draw.OneIn(6) ? 0 : 1 + draw.Below(32);
  setting.scheduler.max_waiting = draw.OneIn(3) ? 0 : 8 + draw.Below(60);
  setting.scheduler.prompt_tokens_per_step = 8 + draw.Below(120);
  setting.scheduler.max_shared_prompts = draw.Below(9);
  setting.scheduler.aging_seconds = draw.OneIn(3) ? 0.05 : 30.0;
  setting.threads = 1 + draw.Below(2);
  setting.text = setting.session.policy->name() + ", " + std::string(ToString(setting.session.kv_type)) + ", budget " +
                 std::to_string(setting.scheduler.kv_budget_bytes) + ", chunk " +
                 std::to_string(setting.session.prefill_chunk);
  return setting;
}

GenerateRequest DrawRequest(Draw& draw, const Model& model, const Setting& setting) {
  GenerateRequest request;
  const int positions = model.config().n_positions;
  request.prompt = DrawPrompt(draw, draw.OneIn(20) ? positions + 20 : draw.OneIn(4) ? positions - 2 : positions / 3);
  request.stream = draw.Bits();
  GenerateOptions& options = request.options;
  options.max_new_tokens = 1 + draw.Below(draw.OneIn(5) ? positions : 25);
  options.ignore_eos = draw.OneIn(3);
  if (draw.OneIn(8)) options.min_new_tokens = std::min(4, options.max_new_tokens);
  if (draw.OneIn(8)) options.stop_ids = {draw.Below(kBytes), draw.Below(kBytes)};
  if (draw.OneIn(4)) options.logprobs = draw.Below(4);
  DrawSampling(draw, options.sampling);
  DrawKind(draw, positions, options);
  options.report_drops = setting.session.record_drops && options.overflow == Overflow::kStop &&
                         options.num_beams == 1 && options.continuations.empty() && draw.OneIn(2);
  // Of its own, within what the session keeps.
  if (setting.session.policy->chunk_rule() == EvictionPolicy::ChunkRule::kThreshold && draw.OneIn(4)) {
    PolicySpec own = ParsePolicy(draw.OneIn(4) ? "dense" : "learned");
    own.threshold = kHalf * static_cast<float>(draw.Share());
    if (draw.OneIn(3)) own.max_kept = 16 + draw.Below(30);
    request.policy = MakePolicy(own);
  }
  return request;
}

std::string Difference(const GeneratedSequence& got, const GeneratedSequence& alone, bool part) {
  if (got.prompt_ids != alone.prompt_ids) return "prompt_ids";
  if (part) return IsBeginning(got.generated_ids, alone.generated_ids) ? "" : "generated_ids";
  if (got.generated_ids != alone.generated_ids) return "generated_ids";
  if (got.finish_reason != alone.finish_reason) return "finish_reason: " + got.error + alone.error;
  if (got.text != alone.text) return "text";
  if (got.kept != alone.kept) return "kept";
  if (got.slides != alone.slides) return "slides";
  if (got.beam_score != alone.beam_score) return "beam_score";
  if (got.logprobs.size() != alone.logprobs.size()) return "number of logprobs";
  for (size_t i = 0; i < got.logprobs.size(); ++i) {
    if (std::memcmp(&got.logprobs[i].logprob, &alone.logprobs[i].logprob, sizeof(float)) != 0) return "logprobs";
  }
  if (got.scores.size() != alone.scores.size()) return "number of scores";
  for (size_t i = 0; i < got.scores.size(); ++i) {
    if (!SameBits(got.scores[i].logprobs, alone.scores[i].logprobs)) return "scores";
  }
  return "";
}

}  // namespace dcp::soak
