#include "dcp/tokenizer.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "dcp/error.h"
#include "support/hash.h"
#include "support/utf8.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/piece_cache.h"
#include "text/pretokenizer.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_files.h"
#include "text/tokenizer_json.h"

namespace dcp {
namespace {

constexpr const char* kFileNames[] = {kTokenizerFile,   kVocabularyFile,      kMergesFile,
                                      kAddedTokensFile, kTokenizerConfigFile, kSpecialTokensFile};

// The text of every id, in one string. Holes in the ids take no memory.
class TokenTexts {
 public:
  // REQUIRES: `added` is in the order of its ids.
  TokenTexts(const TokenizerParts& parts, const std::vector<AddedToken>& added) {
    auto next = added.begin();
    const auto take_added = [&](TokenId end) {  // those below `end`
      for (; next != added.end() && next->id < end; ++next) Add(next->id, next->content);
    };
    for (const auto& [id, name] : NamesById(parts.ids, parts.source)) {
      take_added(id);
      const bool is_added = next != added.end() && next->id == id;  // then its text is that of the added token
      Add(id, is_added ? next++->content : TextOfName(*name));
    }
    take_added(std::numeric_limits<TokenId>::max());
  }

  // One more than the highest id.
  size_t size() const { return static_cast<size_t>(ids_.back()) + 1; }

  std::string_view operator[](size_t id) const {
    const size_t index = IndexOf(id);
    if (index == ids_.size()) return {};
    const size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(text_).substr(begin, ends_[index] - begin);
  }

 private:
  void Add(TokenId id, std::string_view text) {
    text_ += text;
    ids_.push_back(id);
    ends_.push_back(text_.size());
  }

  // ids_.size() where no token has the id. Without holes before it, the index is the id.
  size_t IndexOf(size_t id) const {
    if (id < ids_.size() && static_cast<size_t>(ids_[id]) == id) return id;
    const auto found = std::lower_bound(ids_.begin(), ids_.end(), static_cast<TokenId>(id));
    const bool present = found != ids_.end() && static_cast<size_t>(*found) == id;
    return present ? static_cast<size_t>(found - ids_.begin()) : ids_.size();
  }

  std::string text_;
  std::vector<TokenId> ids_;  // ascending; never empty
  std::vector<size_t> ends_;
};

// Looks up views in a map of strings.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

uint64_t HashText(uint64_t hash, std::string_view text) {
  return FnvStep(FnvHash(hash, text.data(), text.size()), text.size());
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(LoadedTokenizer loaded);

  struct Scratch {
    BpeScratch bpe;
    std::optional<PieceCache> pieces;  // of long texts
  };

  void EncodeText(std::string_view text, Scratch* scratch, std::vector<TokenId>* ids) const;
  void EncodePiece(std::string_view piece, Scratch* scratch, std::vector<TokenId>* ids) const;
  bool IsSpecial(TokenId id) const { return std::binary_search(special.begin(), special.end(), id); }

  TokenTexts texts;
  AddedTokenMatcher added;
  std::vector<TokenId> special;  // ids, ascending
  Bpe bpe;
  std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>> whole;  // pieces that are not merged
  bool add_prefix_space;
  bool split_pieces;
  std::optional<TokenId> bos;
  std::optional<TokenId> end_of_text;
  std::vector<TokenId> prefix;
};

Tokenizer::Impl::Impl(LoadedTokenizer loaded)
    : texts(loaded.parts, loaded.added),
      added(std::move(loaded.added)),
      bpe(FindByteIds(loaded.parts.ids), loaded.parts.merges, loaded.parts.unknown),
      add_prefix_space(loaded.parts.add_prefix_space),
      split_pieces(loaded.parts.split_pieces),
      bos(loaded.bos),
      end_of_text(loaded.end_of_text),
      prefix(std::move(loaded.parts.prefix)) {
  for (const AddedToken& token : added.tokens()) {  // in the order of their ids
    if (token.special) special.push_back(token.id);
  }
  if (!loaded.parts.ignore_merges) return;
  for (const auto& [name, id] : loaded.parts.ids) {
    std::optional<std::string> bytes = BytesOfName(name);
    if (bytes && !IsSpecial(id)) whole.emplace(std::move(*bytes), id);  // special ones must not be made of text
  }
}

void Tokenizer::Impl::EncodePiece(std::string_view piece, Scratch* scratch, std::vector<TokenId>* ids) const {
  if (!whole.empty()) {
    if (const auto token = whole.find(piece); token != whole.end()) return ids->push_back(token->second);
  }
  bpe.Append(piece, &scratch->bpe, ids);
}

// Ordinary text, between added tokens.
void Tokenizer::Impl::EncodeText(std::string_view text, Scratch* scratch, std::vector<TokenId>* ids) const {
  std::string with_space;
  if (add_prefix_space && !text.starts_with(' ')) {
    with_space.append(1, ' ').append(text);
    text = with_space;
  }
  while (!text.empty()) {
    const std::string_view piece = split_pieces ? NextPiece(text) : text;
    text.remove_prefix(piece.size());
    if (!scratch->pieces || !PieceCache::Takes(piece)) {
      EncodePiece(piece, scratch, ids);
      continue;
    }
    bool found = false;
    PieceCache::Entry& entry = scratch->pieces->Find(piece, &found);
    if (found) {
      const std::span<const TokenId> tokens = entry.tokens();
      ids->insert(ids->end(), tokens.begin(), tokens.end());
    } else {
      const size_t before = ids->size();
      EncodePiece(piece, scratch, ids);
      PieceCache::Remember(std::span(*ids).subspan(before), &entry);
    }
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::Load(const std::filesystem::path& directory, Warnings* warnings) {
  return Tokenizer(std::make_unique<const Impl>(LoadTokenizerFiles(directory, warnings)));
}

bool Tokenizer::Present(const std::filesystem::path& directory) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(directory / name, ignored);
  };
  return has(kTokenizerFile) || (has(kVocabularyFile) && has(kMergesFile));
}

std::span<const char* const> Tokenizer::FileNames() { return kFileNames; }

std::vector<TokenId> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  Impl::Scratch scratch;
  if (text.size() >= PieceCache::kWorthwhile) scratch.pieces.emplace();
  if (impl_->added.empty()) {
    if (!text.empty()) impl_->EncodeText(text, &scratch, &ids);
    return ids;
  }
  for (const TextSegment& segment : impl_->added.Cut(text, options.special)) {
    if (segment.id != kNoToken) {
      ids.push_back(segment.id);
    } else {
      impl_->EncodeText(segment.text, &scratch, &ids);
    }
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string text;
  for (TokenId id : ids) text.append(TokenBytes(id));
  return text;
}

std::string_view Tokenizer::TokenBytes(TokenId id) const {
  if (id < 0 || id >= vocab_size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "token id " + std::to_string(id) + " is outside the tokenizer's vocabulary of " + std::to_string(vocab_size()));
  }
  return impl_->texts[static_cast<size_t>(id)];
}

bool Tokenizer::IsSpecial(TokenId id) const { return impl_->IsSpecial(id); }

int Tokenizer::vocab_size() const { return static_cast<int>(impl_->texts.size()); }

std::optional<TokenId> Tokenizer::bos() const { return impl_->bos; }

std::optional<TokenId> Tokenizer::end_of_text() const { return impl_->end_of_text; }

const std::vector<TokenId>& Tokenizer::prefix() const { return impl_->prefix; }

uint64_t Tokenizer::fingerprint() const {
  uint64_t hash = impl_->bpe.Hash(kFnvBasis);
  for (size_t id = 0; id < impl_->texts.size(); ++id) hash = HashText(hash, impl_->texts[id]);
  for (const AddedToken& token : impl_->added.tokens()) {
    hash = FnvStep(HashText(hash, token.content), static_cast<uint64_t>(token.id));
    for (const bool flag : {token.single_word, token.lstrip, token.rstrip, token.normalized, token.special}) {
      hash = FnvStep(hash, flag ? 1 : 0);
    }
  }
  for (const bool flag : {impl_->add_prefix_space, impl_->split_pieces, impl_->whole.empty()}) {
    hash = FnvStep(hash, flag ? 1 : 0);
  }
  for (const TokenId id : impl_->prefix) hash = FnvStep(hash, static_cast<uint64_t>(id));
  return hash;
}

std::string StreamDecoder::Push(TokenId id) {
  if (tokenizer_->IsSpecial(id)) return {};
  pending_.append(tokenizer_->TokenBytes(id));
  size_t complete = 0;
  while (complete < pending_.size()) {
    const Utf8Char character = ReadUtf8(std::string_view(pending_).substr(complete));
    if (character.status == Utf8Status::kTruncated) break;
    complete += character.length;
  }
  std::string text = pending_.substr(0, complete);
  pending_.erase(0, complete);
  return text;
}

std::string StreamDecoder::Flush() { return std::exchange(pending_, {}); }

}  // namespace dcp
