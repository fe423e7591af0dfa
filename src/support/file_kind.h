// Files that are not what their name says.
#ifndef DCP_SUPPORT_FILE_KIND_H_
#define DCP_SUPPORT_FILE_KIND_H_

#include <filesystem>
#include <string_view>

namespace dcp {

// The file that `path` stands for: itself, or what it links to where it holds nothing but the path of another file,
// which is what git makes of a symbolic link on systems that have none ("../model/model.safetensors"). Links to files
// with another extension, or to nothing, are not followed.
std::filesystem::path FollowLinkText(const std::filesystem::path& path);

// What a file is by its first bytes, where that is known and is neither safetensors nor JSON nor plain text: "a Git LFS
// pointer, ...", "a GGUF file, ...", to go behind "is ". Empty where nothing is known. A valid safetensors file may
// begin with any bytes, so ask only about one that is not.
std::string_view ForeignKind(std::string_view bytes);

}  // namespace dcp

#endif  // DCP_SUPPORT_FILE_KIND_H_
