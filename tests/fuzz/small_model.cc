#include "tests/fuzz/small_model.h"

#include <string>

#include "tests/unit/text/small_vocabulary.h"

namespace dcp::fuzz {

std::shared_ptr<const Model> SmallModel() {
  ModelConfig config;
  config.n_layer = 1;
  config.n_head = 1;
  config.n_embd = 4;
  config.n_inner = 4;
  config.n_positions = 24;
  config.vocab_size = 266;
  config.int_n_embd = 2;
  config.bos_token_id = 262;
  config.eos_token_ids = {262};
  return Model::Random(config, 1);
}

const std::filesystem::path& SmallTokenizerDirectory() {
  static const testing::TemporaryFolder folder;
  static const bool written = [] {
    const testing::MergePairs merges = {{"l", "l"}, {"h", "e"}, {" ", "a"}, {"\xC3", "\xA9"}, {"he", "ll"}, {"o", "o"}};
    folder.Write("vocab.json", testing::SmallVocabulary(merges, {"<|endoftext|>"}).dump());
    folder.Write("merges.txt", testing::MergesText(merges));
    folder.Write("added_tokens.json", R"({"<|im_end|>": 263, "<x>": 264})");
    return true;
  }();
  (void)written;
  return folder.path();
}

const Tokenizer& SmallTokenizer() {
  static const Tokenizer tokenizer = Tokenizer::Load(SmallTokenizerDirectory());
  return tokenizer;
}

}  // namespace dcp::fuzz
