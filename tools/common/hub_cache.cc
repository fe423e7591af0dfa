#include "common/hub_cache.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "common/option_group.h"
#include "support/files.h"

namespace dcp::tools {
namespace {

namespace fs = std::filesystem;

// The snapshot that was fetched last, if the cache says which.
fs::path MainSnapshot(const fs::path& directory) {
  const fs::path ref = directory / "refs" / "main";
  std::error_code error;
  if (!fs::is_regular_file(ref, error)) return {};
  std::string name = ReadFile(ref);
  while (!name.empty() && (name.back() == '\n' || name.back() == '\r')) name.pop_back();
  if (name.empty() || name.find_first_of("/\\") != name.npos || name.starts_with('.')) return {};
  const fs::path snapshot = directory / "snapshots" / name;
  return fs::is_directory(snapshot, error) ? snapshot : fs::path();
}

}  // namespace

std::string SnapshotOf(const std::string& directory) {
  const fs::path path = directory;
  std::error_code error;
  if (fs::exists(path / "config.json", error) || !fs::is_directory(path / "snapshots", error)) return directory;
  if (const fs::path main = MainSnapshot(path); !main.empty()) return main.string();
  std::vector<fs::path> snapshots;
  for (const fs::directory_entry& entry : fs::directory_iterator(path / "snapshots", error)) {
    if (entry.is_directory(error)) snapshots.push_back(entry.path());
  }
  if (snapshots.size() == 1) return snapshots[0].string();
  RejectValue(directory, "is of the hub's cache and has " + std::to_string(snapshots.size()) +
                             " snapshots, none of which refs/main names: name one of them");
}

}  // namespace dcp::tools
