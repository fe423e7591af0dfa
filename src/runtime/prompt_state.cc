#include "dcp/prompt_state.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <istream>
#include <limits>
#include <ostream>
#include <string>
#include <type_traits>

#include "dcp/error.h"
#include "support/escape.h"
#include "support/hash.h"

namespace dcp {
namespace {

constexpr char kMagic[8] = {'d', 'c', 'p', 's', 't', 'a', 't', 'e'};
constexpr uint32_t kVersion = 1;
constexpr uint64_t kNoTokenizer = 0;
constexpr uint64_t kLongestName = 4096;  // of a policy, in bytes

[[noreturn]] void Reject(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, "saved prompt: " + why); }

// Of the bytes that the ids stand for.
uint64_t Fingerprint(const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return kNoTokenizer;
  uint64_t hash = kFnvBasis;
  for (TokenId id = 0; id < tokenizer->vocab_size(); ++id) {
    const std::string_view bytes = tokenizer->TokenBytes(id);
    hash = FnvStep(FnvHash(hash, bytes.data(), bytes.size()), bytes.size());
  }
  return hash == kNoTokenizer ? 1 : hash;
}

template <typename T>
void AppendValue(std::string& out, T value) {
  static_assert(std::is_arithmetic_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void ReadBytes(std::istream& in, void* data, size_t size) {
  in.read(static_cast<char*>(data), static_cast<std::streamsize>(size));
  if (in.bad()) throw Error(ErrorCode::kIo, "saved prompt: the stream cannot be read");
  if (static_cast<size_t>(in.gcount()) != size) {
    Reject("ends early: " + std::to_string(in.gcount()) + " of " + std::to_string(size) + " bytes");
  }
}

// The part before the sequence, checked by its checksum as it is read.
class Header {
 public:
  explicit Header(std::istream& in) : in_(in) {}

  void Bytes(void* data, size_t size) {
    ReadBytes(in_, data, size);
    hash_ = FnvHash(hash_, data, size);
  }
  template <typename T>
  T Value() {
    T value;
    Bytes(&value, sizeof(value));
    return value;
  }
  // A number of things to come, which no file holds more of.
  uint64_t Count(const char* of, uint64_t least, uint64_t most) {
    const auto count = Value<uint64_t>();
    if (count < least || count > most) {
      Reject("number of " + std::string(of) + " is " + std::to_string(count) + ", expected " + std::to_string(least) +
             ".." + std::to_string(most));
    }
    return count;
  }
  void Finish() {
    const uint64_t expected = hash_;
    uint64_t found = 0;
    ReadBytes(in_, &found, sizeof(found));
    if (found != expected) {
      Reject("checksum is " + std::to_string(found) + ", the data give " + std::to_string(expected));
    }
  }

 private:
  std::istream& in_;
  uint64_t hash_ = kFnvBasis;
};

void CheckBegin(Header& header) {
  char magic[sizeof(kMagic)];
  header.Bytes(magic, sizeof(magic));
  if (std::memcmp(magic, kMagic, sizeof(kMagic)) != 0) Reject("does not begin with \"dcpstate\"");
  const auto version = header.Value<uint32_t>();
  if (version != kVersion) {
    Reject("version is " + std::to_string(version) + ", expected " + std::to_string(kVersion));
  }
}

void CheckModel(Header& header, const Model& model) {
  const auto fingerprint = header.Value<uint64_t>();
  if (fingerprint != model.fingerprint()) {
    Reject("was made by a model of fingerprint " + std::to_string(fingerprint) + ", this one has " +
           std::to_string(model.fingerprint()));
  }
}

void CheckTokenizer(Header& header, const Tokenizer* tokenizer) {
  const auto saved = header.Value<uint64_t>();
  const uint64_t own = Fingerprint(tokenizer);
  if (saved == own || saved == kNoTokenizer || own == kNoTokenizer) return;
  Reject("was made with a tokenizer of fingerprint " + std::to_string(saved) + ", this one has " + std::to_string(own));
}

void CheckPolicy(Header& header, const Session& session) {
  std::string name(header.Count("bytes of the policy's name", 1, kLongestName), '\0');
  header.Bytes(name.data(), name.size());
  if (name != session.policy().name()) {
    Reject("was made under policy " + Quote(name) + ", this is " + Quote(session.policy().name()));
  }
}

void CheckBeginsWith(std::span<const TokenId> ids, std::span<const TokenId> start) {
  const auto differ = std::mismatch(ids.begin(), ids.end(), start.begin(), start.end());
  if (differ.second == start.end()) return;
  const std::string own = differ.first == ids.end() ? "no id" : "id " + std::to_string(*differ.first);
  throw Error(ErrorCode::kInvalidArgument, "prompt: has " + own + " at index " +
                                               std::to_string(differ.second - start.begin()) + ", its start has id " +
                                               std::to_string(*differ.second));
}

// What could not be loaded is not saved.
void CheckState(const Session& session, const PromptState& state) {
  const auto seen = static_cast<size_t>(session.cache().SeenTokens(state.sequence));
  const auto vocab = static_cast<size_t>(session.model().config().vocab_size);
  if (seen != state.ids.size()) {
    Reject("has " + std::to_string(state.ids.size()) + " ids, its sequence has seen " + std::to_string(seen) +
           " tokens");
  }
  if (state.logits.size() != vocab) {
    Reject("has " + std::to_string(state.logits.size()) + " logits, the model has " + std::to_string(vocab) +
           " tokens");
  }
}

}  // namespace

PromptState ReadPrompt(Session& session, std::span<const TokenId> ids, const PromptState* start) {
  if (start != nullptr) CheckBeginsWith(ids, start->ids);
  PromptState state;
  state.ids.assign(ids.begin(), ids.end());
  if (start != nullptr) state.logits = start->logits;
  state.sequence = start != nullptr ? session.Clone(start->sequence) : session.Add();
  const size_t read = start != nullptr ? start->ids.size() : 0;
  if (read > 0 && read == ids.size()) return state;
  try {
    const FeedItem item{state.sequence, ids.subspan(read)};
    const std::span<const float> logits = session.Prefill({&item, 1}).row(0);
    state.logits.assign(logits.begin(), logits.end());
  } catch (...) {
    session.Finish(state.sequence);
    throw;
  }
  return state;
}

void SavePromptState(const Session& session, const PromptState& state, const Tokenizer* tokenizer, std::ostream& out) {
  CheckState(session, state);
  const std::string policy = session.policy().name();
  std::string header(kMagic, sizeof(kMagic));
  AppendValue(header, kVersion);
  AppendValue(header, session.model().fingerprint());
  AppendValue(header, Fingerprint(tokenizer));
  AppendValue<uint64_t>(header, policy.size());
  header += policy;
  AppendValue<uint64_t>(header, state.ids.size());
  header.append(reinterpret_cast<const char*>(state.ids.data()), state.ids.size() * sizeof(TokenId));
  header.append(reinterpret_cast<const char*>(state.logits.data()), state.logits.size() * sizeof(float));
  AppendValue(header, FnvHash(kFnvBasis, header.data(), header.size()));
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  if (!out) throw Error(ErrorCode::kIo, "saved prompt: the stream refused the data");
  session.Save(state.sequence, out);
}

PromptState LoadPromptState(Session& session, const Tokenizer* tokenizer, std::istream& in) {
  const ModelConfig& config = session.model().config();
  Header header(in);
  CheckBegin(header);
  CheckModel(header, session.model());
  CheckTokenizer(header, tokenizer);
  CheckPolicy(header, session);
  PromptState state;
  state.ids.resize(header.Count("ids", 1, static_cast<uint64_t>(config.n_positions)));
  header.Bytes(state.ids.data(), state.ids.size() * sizeof(TokenId));
  state.logits.resize(static_cast<size_t>(config.vocab_size));
  header.Bytes(state.logits.data(), state.logits.size() * sizeof(float));
  header.Finish();
  state.sequence = session.Restore(in);
  const int seen = session.cache().SeenTokens(state.sequence);
  if (seen != static_cast<int>(state.ids.size()) || in.peek() != std::istream::traits_type::eof()) {
    session.Finish(state.sequence);
    Reject(seen != static_cast<int>(state.ids.size())
               ? "holds " + std::to_string(state.ids.size()) + " ids and a sequence of " + std::to_string(seen)
               : "goes on after its end");
  }
  return state;
}

}  // namespace dcp
