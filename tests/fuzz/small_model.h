// A model and a tokenizer that are quick: what a request is read and run with.
#ifndef DCP_TESTS_FUZZ_SMALL_MODEL_H_
#define DCP_TESTS_FUZZ_SMALL_MODEL_H_

#include <filesystem>
#include <memory>

#include "dcp/model.h"
#include "dcp/tokenizer.h"

namespace dcp::fuzz {

// One layer, 24 positions, with interaction tensors; its vocabulary is a little larger than the tokenizer's.
std::shared_ptr<const Model> SmallModel();

// The directory of a tokenizer of the 256 bytes, a few merges and two special tokens.
const std::filesystem::path& SmallTokenizerDirectory();
const Tokenizer& SmallTokenizer();

}  // namespace dcp::fuzz

#endif  // DCP_TESTS_FUZZ_SMALL_MODEL_H_
