#include "common/model_tokenizer.h"

#include <filesystem>

namespace dcp::tools {

ModelTokenizer::ModelTokenizer(const ModelSource& source, const Model& model, ToolIo& io) : directory_(source.model) {
  // One file without the other is damage, and Load says which one is missing.
  const auto has = [&](const char* name) { return std::filesystem::exists(std::filesystem::path(directory_) / name); };
  if (!has("tokenizer.json") && !has("vocab.json") && !has("merges.txt")) return;
  Warnings warnings;
  try {
    tokenizer_ = Tokenizer::Load(directory_, &warnings);
  } catch (const Error& error) {
    damage_ = error;
    return;
  }
  if (tokenizer_->vocab_size() > model.config().vocab_size) {
    Warn(&warnings, directory_ + ": the tokenizer has " + std::to_string(tokenizer_->vocab_size()) +
                        " tokens, config.json says vocab_size " + std::to_string(model.config().vocab_size) +
                        ": text with the others cannot be read");
  }
  ShowWarnings(warnings, io);
}

const Tokenizer& ModelTokenizer::Need(const std::string& purpose) const {
  if (damage_) throw *damage_;
  if (!tokenizer_) {
    RejectInput(directory_ + ": has no tokenizer (tokenizer.json, or vocab.json and merges.txt), which " + purpose +
                " needs");
  }
  return *tokenizer_;
}

void ModelTokenizer::WarnOfDamage(ToolIo& io) const {
  if (damage_) ShowWarnings({std::string(damage_->what()) + "; ids have no text"}, io);
}

}  // namespace dcp::tools
