// Reading a small file whole.
#ifndef DCP_IO_TEXT_FILE_H_
#define DCP_IO_TEXT_FILE_H_

#include <filesystem>
#include <string>

namespace dcp {

// The bytes of `file`. Throws Error(kIo) naming the file and the system's reason.
std::string ReadTextFile(const std::filesystem::path& file);

}  // namespace dcp

#endif  // DCP_IO_TEXT_FILE_H_
