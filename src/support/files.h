// Reading a file whole.
#ifndef DCP_SUPPORT_FILES_H_
#define DCP_SUPPORT_FILES_H_

#include <filesystem>
#include <string>

namespace dcp {

// The bytes of `file`, which may be a pipe. Throws Error(kIo) naming the file and the system's reason.
std::string ReadFile(const std::filesystem::path& file);

}  // namespace dcp

#endif  // DCP_SUPPORT_FILES_H_
