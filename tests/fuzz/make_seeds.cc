// dcp-fuzz-seeds OUT SOURCE [DIRECTORY...]: makes a folder of seeds for each fuzz target in OUT, from the test data of
// the checkout SOURCE and from what model directories, adapters, question files and prompts are found below each
// DIRECTORY. What is larger than a seed should be is left out.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/files.h"
#include "support/hash.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/saved_states.h"
#include "tests/reference/checkpoint_maker.h"

namespace dcp::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargest = 40'000;  // bytes of a seed

class Seeds {
 public:
  explicit Seeds(fs::path out) : out_(std::move(out)) {}

  // Under the hash of its content, so that equal ones are there once.
  void Add(const std::string& target, const std::string& content) const {
    if (content.empty() || content.size() > kLargest) return;
    fs::create_directories(out_ / target);
    const uint64_t hash = FnvHash(kFnvBasis, content.data(), content.size());
    std::ofstream(out_ / target / std::to_string(hash), std::ios::binary) << content;
  }

  // With each of so many first bytes, by which a target chooses what to do.
  void AddForEach(const std::string& target, int first_bytes, const std::string& content) const {
    for (int byte = 0; byte < first_bytes; ++byte) Add(target, static_cast<char>(byte) + content);
  }

 private:
  fs::path out_;
};

std::string Joined(const fs::path& directory, std::initializer_list<const char*> names) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* name : names) {
    if (fs::exists(directory / name)) files.emplace_back(name, ReadFile(directory / name));
  }
  return files.empty() ? "" : JoinFiles(files);
}

void AddDirectory(const Seeds& seeds, const fs::path& directory) {
  seeds.Add("config", Joined(directory, {"config.json", "generation_config.json"}));
  seeds.Add("checkpoint", Joined(directory, {"config.json", "generation_config.json", "model.safetensors",
                                             "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                                             "model-00002-of-00002.safetensors"}));
  seeds.Add("adapter", Joined(directory, {"config.json", "adapter.safetensors", "adapter_config.json",
                                          "adapter_model.safetensors"}));
  seeds.Add("tokenizer", Joined(directory, {"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
                                            "added_tokens.json", "special_tokens_map.json"}));
}

void AddFile(const Seeds& seeds, const fs::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".safetensors") seeds.Add("safetensors", ReadFile(file));
  if (extension == ".jsonl") {
    const std::string content = ReadFile(file);
    const std::string few = content.substr(0, content.find('\n', std::min<size_t>(content.size(), 800)));
    seeds.AddForEach("requests", 2, few);
    seeds.AddForEach("task", 5, few);
    seeds.AddForEach("completions", 1, few.substr(0, few.find('\n')));
  }
  if (extension == ".txt") seeds.AddForEach("text", 4, ReadFile(file).substr(0, 1000));
  if (extension == ".bin") {  // a row of pickles, or an archive that holds one as it is
    const std::string content = ReadFile(file);
    seeds.Add("pickle", content.substr(std::min(content.find("\x80\x02"), content.size())));
  }
}

void AddTree(const Seeds& seeds, const fs::path& top) {
  if (!fs::is_directory(top)) return;
  AddDirectory(seeds, top);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top)) {
    if (entry.is_directory()) AddDirectory(seeds, entry.path());
    if (entry.is_regular_file()) AddFile(seeds, entry.path());
  }
}

// The forms of a tokenizer's files that the golden test has, without most of the vocabulary, and as they are.
void AddTokenizers(const Seeds& seeds, const fs::path& golden) {
  const nlohmann::json document = nlohmann::json::parse(ReadFile(golden));
  for (const nlohmann::json& form : document["forms"]) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& [name, content] : form["files"].items()) {
      files.emplace_back(name, content.is_string() ? content.get<std::string>() : content.dump());
    }
    seeds.Add("tokenizer", JoinFiles(files));
  }
  for (const nlohmann::json& piece : document["pieces"]) seeds.AddForEach("text", 4, piece.get<std::string>());
  seeds.Add("tokenizer", JoinFiles({{"vocab.json", R"({"a":0,"b":1,"ab":2,"\u0120":3,"<|endoftext|>":4})"},
                                    {"merges.txt", "#version: 0.2\na b\n"},
                                    {"added_tokens.json", R"({"<x>":5})"},
                                    {"special_tokens_map.json", R"({"bos_token":"<|endoftext|>"})"}}));
  seeds.Add(
      "tokenizer",
      JoinFiles(
          {{"tokenizer.json", R"({"version":"1.0","added_tokens":[{"id":3,"content":"<x>","single_word":true,)"
                              R"("lstrip":true,"rstrip":true,"normalized":true,"special":true}],"normalizer":null,)"
                              R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"use_regex":false},)"
                              R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":)"
                              R"("<x>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":)"
                              R"({"<x>":{"id":"<x>","ids":[3],"tokens":["<x>"]}}},"decoder":{"type":"ByteLevel"},)"
                              R"("model":{"type":"BPE","dropout":null,"unk_token":"a","fuse_unk":true,)"
                              R"("byte_fallback":false,"ignore_merges":true,"vocab":{"a":0,"b":1,"ab":2},)"
                              R"("merges":[["a","b"]]}})"},
           {"tokenizer_config.json", R"({"add_bos_token":true,"bos_token":{"content":"<x>","special":true},)"
                                     R"("added_tokens_decoder":{"3":{"content":"<x>","lstrip":true}}})"}}));
}

void AddCheckpoints(const Seeds& seeds) {
  const fs::path folder = fs::temp_directory_path() / ("dcp-fuzz-seeds-" + std::to_string(std::random_device{}()));
  for (const int interaction : {0, 2}) {
    for (const int shards : {0, 2}) {
      const ModelConfig config = reference::SmallConfig(1, 1, 2, interaction, 3, 3);
      reference::MakeCheckpoint(folder, config, {.type = WeightType::kBF16, .shards = shards});
      AddTree(seeds, folder);
      fs::remove_all(folder);
    }
  }
  reference::MakeAdapter(folder, reference::SmallConfig(1, 2, 4, 3, 11, 13));
  AddTree(seeds, folder);
  fs::remove_all(folder);
}

void AddRequests(const Seeds& seeds) {
  constexpr const char* kLines[] = {
      R"({"prompt": "hello", "max_new_tokens": 9, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "seed": 3})",
      R"({"prompt_ids": [1,2,3], "num_beams": 3, "samples": 2, "length_penalty": 0.5, "early_stopping": "never"})",
      R"({"prompt": "a", "stop": ["b", "<|im_end|>"], "stop_ids": [4], "ignore_eos": true, "logprobs": 2, "id": "x"})",
      R"({"prompt": "a a a", "repetition_penalty": 1.2, "no_repeat_ngram_size": 2, "presence_penalty": 0.5,)"
      R"( "frequency_penalty": -0.5, "logit_bias": {"5": -100}, "bad_words_ids": [[1, 2], [7]], "forced_ids": [9]})",
      R"({"prompt": "", "min_p": 0.1, "typical_p": 0.5, "temperature": 1, "min_new_tokens": 2, "samples": 3})",
      R"({"prompt": "a long prompt that does not fit anywhere", "truncate": "left", "overflow": "slide"})",
      R"({"prompt": "hel", "score": ["lo", " a"], "score_ids": [[5, 6]]})",
      R"({"model": "m", "prompt": ["a", "b"], "max_tokens": 5, "n": 2, "echo": true, "stream": true, "logprobs": 1,)"
      R"( "stream_options": {"include_usage": true}, "stop": "x", "user": "u", "best_of": 2, "suffix": null,)"
      R"( "dcp": {"return_drops": true, "threshold": 0.5, "max_kept": 8}})",
      R"({"prompt": [[1, 2], [3]], "max_tokens": 0, "seed": -1, "logit_bias": {"50256": -100}})"};
  std::string all;
  for (const char* line : kLines) {
    seeds.AddForEach("requests", 2, line);
    seeds.AddForEach("completions", 2, line);
    all.append(line).append("\n");
  }
  seeds.Add("requests", "\x01" + all);
  seeds.Add("requests", "\x0f 1, 2,3");
}

void AddRest(const Seeds& seeds) {
  for (const char* policy : {"dense", "learned", "window:5", "sinks:2,3", "strided:4,2", "h2o:6", "h2o:25%",
                             "window:12.5%@0+learned", "sinks:1,20%@0-3,5", "window:3@0+sinks:4,20%"}) {
    seeds.Add("policy", std::string("\x00\x10", 2) + policy);
    seeds.Add("policy", std::string("\x25\x20", 2) + policy);
  }
  seeds.AddForEach("trace", 2,
                   R"({"eviction_delay": 1, "sequences": [{"prompt_tokens": 2, "ids": [5, 6, 7], "tokens": ["a", "b",)"
                   R"( "<c>"], "layers": [{"dropped_at": [2, -1, -1], "dropped_by_score": [-0.5, null, null]}]},)"
                   R"( {"ids": [1], "tokens": [], "layers": [{"dropped_at": [-1], "dropped_by_score": [null]}]}]})");
  constexpr const char* kTasks[] = {
      "the last word\nof a line\n",
      R"({"text": "the last word"})",
      R"({"activity_label": "A", "ctx_a": "b [x] c [title]", "ctx_b": "d", "endings": ["e", "f [y]"], "label": 1})",
      R"({"goal": "g", "sol1": "s", "sol2": "t", "label": 0})",
      R"({"sentence": "a _ b", "option1": "c", "option2": "d", "answer": "2"})",
      R"({"context": "c", "endings": ["a", "b"], "label": "1"})"};
  for (const char* task : kTasks) seeds.AddForEach("task", 5, task);
  seeds.Add("task", "\x02{\"goal\": \"g\", \"sol1\": \"s\", \"sol2\": \"t\"}\n=== labels\n1\n");
  std::mt19937 random(1);
  for (const char* target : {"sampling", "session", "scheduler"}) {
    for (int i = 0; i < 200; ++i) {
      std::string bytes(8 + random() % 120, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      seeds.Add(target, bytes);
    }
  }
  const auto settings = StateSettings();
  for (size_t i = 0; i < settings.size(); ++i) {
    const auto first = [&](size_t way) { return std::string(1, static_cast<char>(i + way * settings.size())); };
    for (const int tokens : {1, 3, 9, 25, 40}) {
      seeds.Add("state", first(0) + SequencePayload(*settings[i], tokens));
      seeds.Add("state", first(1) + PromptPayload(*settings[i], tokens));
    }
    seeds.Add("state", first(2) + settings[i]->sequence_head + SequencePayload(*settings[i], 2) + "checksum");
  }
}

void MakeSeeds(const fs::path& out, const fs::path& source, std::span<char*> more) {
  const Seeds seeds(out);
  AddTree(seeds, source / "tests" / "data");
  AddDirectory(seeds, source / "models" / "books");
  AddTokenizers(seeds, source / "tests" / "data" / "tokenizers.json");
  AddCheckpoints(seeds);
  AddRequests(seeds);
  AddRest(seeds);
  for (const char* directory : more) AddTree(seeds, directory);
}

}  // namespace
}  // namespace dcp::fuzz

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: dcp-fuzz-seeds OUT SOURCE [DIRECTORY...]\n";
    return 2;
  }
  dcp::fuzz::MakeSeeds(argv[1], argv[2], std::span(argv + 3, static_cast<size_t>(argc - 3)));
}
