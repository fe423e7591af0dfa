// Directories of the Hugging Face hub's cache.
#ifndef DCP_TOOLS_COMMON_HUB_CACHE_H_
#define DCP_TOOLS_COMMON_HUB_CACHE_H_

#include <string>

namespace dcp::tools {

// Where the files of a model directory are: for one of the hub's cache (models--NAME, with snapshots/ in it) the
// snapshot that refs/main names, or the only one; any other directory is what it is. Throws
// dcp::Error(kInvalidArgument) when a cache's directory has no snapshot, or several and none is main.
std::string SnapshotOf(const std::string& directory);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_HUB_CACHE_H_
