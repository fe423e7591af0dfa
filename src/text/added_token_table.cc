#include "text/added_token_table.h"

#include <algorithm>
#include <utility>

#include "dcp/error.h"
#include "support/escape.h"

namespace dcp {
namespace {

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorCode::kInvalidModel, message); }

AddedToken TokenOf(const AddedTokenEntry& entry, TokenId id) {
  AddedToken token;
  token.content = entry.content;
  token.id = id;
  token.single_word = entry.single_word;
  token.lstrip = entry.lstrip;
  token.rstrip = entry.rstrip;
  token.special = entry.special;
  token.normalized = entry.normalized.value_or(!entry.special);
  return token;
}

// Gives ids to tokens that no file gives one.
class NewIds {
 public:
  NewIds(const TokenNames& ids, const std::vector<AddedToken>& tokens) : next_(static_cast<TokenId>(ids.size())) {
    for (const auto& [name, id] : ids) taken_.push_back(id);
    for (const AddedToken& token : tokens) {
      if (token.id == kNoToken) continue;
      taken_.push_back(token.id);
      next_ = std::max(next_, token.id + 1);
    }
    std::sort(taken_.begin(), taken_.end());
  }

  TokenId Take() {
    while (std::binary_search(taken_.begin(), taken_.end(), next_)) ++next_;
    return next_++;
  }

 private:
  std::vector<TokenId> taken_;
  TokenId next_;
};

}  // namespace

void AddedTokenTable::Add(AddedTokenEntry entry, Warnings* warnings) {
  if (entry.content.empty()) return Warn(warnings, entry.where + ": a token without text is left out");
  if (entry.id) {
    const auto [other, is_new] = by_id_.emplace(*entry.id, 0);
    if (!is_new && entries_[other->second].content != entry.content) {
      const AddedTokenEntry& first = entries_[other->second];
      Fail(entry.where + ": id " + std::to_string(*entry.id) + " is " + Quote(entry.content) + ", but " +
           Quote(first.content) + " in " + first.where);
    }
  }
  const auto [known, is_new] = by_content_.emplace(entry.content, entries_.size());
  if (is_new) entries_.push_back(entry);
  AddedTokenEntry& kept = entries_[known->second];
  if (entry.id && kept.id && *kept.id != *entry.id) {
    Fail(entry.where + ": token " + Quote(entry.content) + " has id " + std::to_string(*entry.id) + ", but " +
         std::to_string(*kept.id) + " in " + kept.where);
  }
  if (entry.id) by_id_[*entry.id] = known->second;
  if (is_new) return;
  const bool special = kept.special || entry.special;
  const std::optional<TokenId> id = kept.id ? kept.id : entry.id;
  const std::string where = kept.id ? kept.where : entry.where;  // of the id, which is what messages are about
  if (entry.source > kept.source) kept = std::move(entry);
  kept.special = special;
  kept.id = id;
  kept.where = where;
}

std::vector<AddedToken> AddedTokenTable::Resolve(const TokenNames& ids, const std::string& source) const {
  const auto names = NamesById(ids, source);
  std::vector<AddedToken> tokens;
  for (const AddedTokenEntry& entry : entries_) {
    const auto named = ids.find(entry.content);
    if (entry.id && named != ids.end() && named->second != *entry.id) {
      Fail(entry.where + ": token " + Quote(entry.content) + " has id " + std::to_string(*entry.id) + ", but " +
           std::to_string(named->second) + " in " + source);
    }
    const TokenId id = entry.id ? *entry.id : named != ids.end() ? named->second : kNoToken;
    if (id >= 0 && named == ids.end()) {
      const auto other = std::ranges::lower_bound(names, id, {}, &std::pair<TokenId, const std::string*>::first);
      if (other != names.end() && other->first == id && TextOfName(*other->second) != entry.content) {
        Fail(entry.where + ": id " + std::to_string(id) + " is " + Quote(entry.content) + ", but " +
             Quote(*other->second) + " in " + source);
      }
    }
    tokens.push_back(TokenOf(entry, id));
  }
  NewIds new_ids(ids, tokens);
  for (AddedToken& token : tokens) {
    if (token.id == kNoToken) token.id = new_ids.Take();
  }
  std::ranges::sort(tokens, {}, &AddedToken::id);  // so that the order of the files does not matter
  return tokens;
}

}  // namespace dcp
