#include "support/file_kind.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace dcp {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::string_view begins;
  std::string_view kind;
};

constexpr std::string_view kWebPage = "a web page (what a failed download leaves)";

constexpr Signature kSignatures[] = {
    {"version https://git-lfs.github.com/spec/"sv,
     "a Git LFS pointer and not the file itself (\"git lfs pull\" fetches it)"},
    {"GGUF"sv, "a GGUF file, the form of llama.cpp"},
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file, the form of TensorFlow and Keras"},
    {"PK\x03\x04"sv, "a ZIP archive, the form of PyTorch's .bin and .pt files"},
    {"\x1f\x8b"sv, "compressed by gzip"},
    {"<!DOCTYPE html"sv, kWebPage},
    {"<!doctype html"sv, kWebPage},
    {"<html"sv, kWebPage},
};

uint8_t Byte(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

// Pickles of protocol 2 to 5.
bool IsPickle(std::string_view bytes) {
  return bytes.size() > 8 && Byte(bytes, 0) == 0x80 && Byte(bytes, 1) >= 2 && Byte(bytes, 1) <= 5 && bytes[2] != 0;
}

// A map whose first key is a short text, as Flax writes parameters.
bool IsMessagePack(std::string_view bytes) {
  return bytes.size() > 8 && Byte(bytes, 0) >= 0x81 && Byte(bytes, 0) <= 0x8f && Byte(bytes, 1) >= 0xa1 &&
         Byte(bytes, 1) <= 0xbf;
}

// Space that a download reserved and never filled.
bool IsZeros(std::string_view bytes) {
  constexpr size_t kEnough = 64;
  return bytes.size() >= kEnough && std::ranges::all_of(bytes.substr(0, kEnough), [](char c) { return c == 0; });
}

}  // namespace

std::filesystem::path FollowLinkText(const std::filesystem::path& path) {
  constexpr uintmax_t kLongestPath = 1024;
  std::error_code failed;
  const uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed || size == 0 || size > kLongestPath) return path;
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const bool printable = std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) >= 0x20; });
  if (!printable || text.empty()) return path;
  const std::filesystem::path target = path.parent_path() / text;
  if (target.extension() != path.extension() || !std::filesystem::is_regular_file(target, failed)) return path;
  return target;
}

std::string_view ForeignKind(std::string_view bytes) {
  for (const Signature& signature : kSignatures) {
    if (bytes.starts_with(signature.begins)) return signature.kind;
  }
  if (IsPickle(bytes)) return "a Python pickle, the form of PyTorch's older .bin and .pt files";
  if (IsMessagePack(bytes)) return "a MessagePack file, the form of Flax";
  if (IsZeros(bytes)) return "all zeros (a download that was not finished?)";
  return {};
}

}  // namespace dcp
