// Saved sequences and saved prompts. Checksums, and what names the model, are put right, so that what lies behind them
// is reached; what is restored is saved again, and goes on.
#include <algorithm>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "dcp/dcp.h"
#include "support/hash.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/saved_states.h"

namespace {

using namespace dcp;

std::string Checksum(const std::string& bytes) {
  const uint64_t sum = FnvHash(kFnvBasis, bytes.data(), bytes.size());
  return std::string(reinterpret_cast<const char*>(&sum), sizeof sum);
}

std::string SequenceOf(const fuzz::StateSetting& setting, std::string_view payload) {
  std::string bytes = setting.sequence_head + std::string(payload);
  return bytes + Checksum(bytes);
}

// Number of ids, ids and logits, a checksum, and the sequence.
std::string PromptOf(const fuzz::StateSetting& setting, std::string_view payload) {
  uint64_t count = 0;
  std::memcpy(&count, payload.data(), std::min(payload.size(), sizeof count));
  const ModelConfig& config = setting.model->config();
  const uint64_t numbers =
      std::min<uint64_t>(count, static_cast<uint64_t>(config.n_positions)) + static_cast<uint64_t>(config.vocab_size);
  const size_t size = std::min<size_t>(payload.size(), sizeof count + 4 * numbers);
  std::string bytes = setting.prompt_head + std::string(payload.substr(0, size));
  return bytes + Checksum(bytes) + SequenceOf(setting, payload.substr(size));
}

std::string Saved(const Session& session, SequenceId sequence) {
  std::ostringstream out;
  session.Save(sequence, out);
  return out.str();
}

void GoOn(Session& session, SequenceId sequence) {
  const int seen = session.cache().SeenTokens(sequence);
  for (int layer = 0; layer < session.cache().layers(); ++layer) {
    const std::vector<int32_t> kept = session.cache().KeptPositions(layer, sequence);
    fuzz::Require(std::ranges::adjacent_find(kept, std::greater_equal<>()) == kept.end(), "positions differ");
    fuzz::Require(kept.empty() || (kept.front() >= 0 && kept.back() < seen), "and were seen");
  }
  const std::string saved = Saved(session, sequence);
  std::istringstream in(saved);
  const SequenceId again = session.Restore(in);
  fuzz::Require(Saved(session, again) == saved, "what was saved comes back");
  const std::vector<TokenId> ids = {1, 2, 3, 4, 5};
  fuzz::Accepts([&] {
    const FeedItem item{sequence, std::span(ids).first(3)};
    session.Prefill({&item, 1});
    for (const TokenId id : {ids[3], ids[4]}) session.Decode({&sequence, 1}, {&id, 1});
  });
  fuzz::Require(session.cache().SeenTokens(again) == seen, "the other one did not move");
  session.Finish(again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::vector<std::unique_ptr<fuzz::StateSetting>> settings = fuzz::StateSettings();
  if (size == 0) return 0;
  fuzz::StateSetting& setting = *settings[data[0] % settings.size()];
  Session& session = *setting.session;
  const size_t way = data[0] / settings.size() % 3;
  const std::string_view payload = fuzz::AsText(data + 1, size - 1);
  fuzz::Accepts([&] {
    if (way == 0) {
      std::istringstream in(SequenceOf(setting, payload));
      GoOn(session, session.Restore(in));
    } else if (way == 1) {
      std::istringstream in(PromptOf(setting, payload));
      const PromptState state = LoadPromptState(session, nullptr, in);
      fuzz::Require(state.logits.size() == static_cast<size_t>(setting.model->config().vocab_size), "logits are of V");
      GoOn(session, state.sequence);
    } else {  // as it is
      std::istringstream in{std::string(payload)};
      GoOn(session, session.Restore(in));
    }
  });
  for (const SequenceId left : session.cache().Sequences()) session.Finish(left);
  fuzz::Require(session.cache().Stats().pages_in_use == 0, "no page is left");
  return 0;
}
