#include "tests/reference/golden.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dcp::reference {
namespace {

void AddFolders(const std::filesystem::path& root, std::vector<std::filesystem::path>& folders) {
  if (std::filesystem::exists(root / "golden.json")) folders.push_back(root);
  if (!std::filesystem::is_directory(root)) return;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::exists(entry.path() / "golden.json")) folders.push_back(entry.path());
  }
}

}  // namespace

std::vector<GoldenCase> ReadGolden(const std::filesystem::path& folder) {
  std::ifstream file(folder / "golden.json");
  std::vector<GoldenCase> cases;
  const auto document = nlohmann::json::parse(file);
  for (const auto& json : document.at("cases")) {
    GoldenCase golden;
    json.at("ids").get_to(golden.ids);
    json.at("dropped_at").get_to(golden.dropped_at);
    json.at("nll").get_to(golden.nll);
    json.at("last_logits").get_to(golden.last_logits);
    json.at("greedy_ids").get_to(golden.greedy_ids);
    json.at("kept_after_generation").get_to(golden.kept_after_generation);
    json.at("dense_nll").get_to(golden.dense_nll);
    json.at("dense_last_logits").get_to(golden.dense_last_logits);
    cases.push_back(std::move(golden));
  }
  return cases;
}

std::vector<std::filesystem::path> GoldenFolders(const std::filesystem::path& source_dir) {
  std::vector<std::filesystem::path> folders;
  AddFolders(source_dir / "tests/data/golden", folders);
  if (const char* more = std::getenv("DCP_GOLDEN_DIR")) AddFolders(more, folders);
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace dcp::reference
