#include "support/file_kind.h"

#include <gtest/gtest.h>

#include <string>

namespace dcp {
namespace {

using std::string_literals::operator""s;

TEST(FileKindTest, KindsByTheirFirstBytes) {
  const std::pair<std::string, const char*> files[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 548105171\n", "a Git LFS pointer"},
      {"GGUF\x03\0\0\0"s, "a GGUF file"},
      {"\x89HDF\r\n\x1a\n\0\0"s, "an HDF5 file"},
      {"PK\x03\x04\0\0"s, "a ZIP archive"},
      {"\x80\x02}q\x00X\x0a\0\0\0"s, "a Python pickle"},
      {"\x1f\x8b\x08"s, "compressed by gzip"},
      {"\x81\xabtransformer\x86"s, "a MessagePack file"},
      {"<!DOCTYPE html><html>", "a web page"},
      {std::string(64, '\0'), "all zeros"},
  };
  for (const auto& [bytes, kind] : files) EXPECT_TRUE(ForeignKind(bytes).starts_with(kind)) << kind;
}

TEST(FileKindTest, NothingIsKnownOfOthers) {
  for (const std::string& bytes : {""s, "G"s, "{\"n_layer\": 2}"s, "version 1"s, "#version: 0.2\nt h\n"s, "\x80"s,
                                   std::string(63, '\0'), "\x80\x02\0\0\0\0\0\0{\"wte\""s}) {
    EXPECT_EQ(ForeignKind(bytes), "") << bytes.size();
  }
}

}  // namespace
}  // namespace dcp
