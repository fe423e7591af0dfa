#include "support/file_kind.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/unit/text/small_vocabulary.h"

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

TEST(FileKindTest, TextOfALinkIsFollowed) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path& path = folder.path();
  std::filesystem::create_directory(path / "sub");
  folder.Write("a.safetensors", "weights");
  folder.Write("sub/link.safetensors", "../a.safetensors");
  EXPECT_TRUE(std::filesystem::equivalent(FollowLinkText(path / "sub/link.safetensors"), path / "a.safetensors"));
  const std::pair<const char*, std::string> others[] = {
      {"empty.safetensors", ""},
      {"nowhere.safetensors", "../b.safetensors"},
      {"kind.bin", "a.safetensors"},
      {"line.safetensors", "a.safetensors\n"},
      {"long.safetensors", std::string(2000, 'a')},
  };
  for (const auto& [name, content] : others) {
    folder.Write(name, content);
    EXPECT_EQ(FollowLinkText(path / name), path / name);
  }
  EXPECT_EQ(FollowLinkText(path / "a.safetensors"), path / "a.safetensors");
  EXPECT_EQ(FollowLinkText(path / "none.safetensors"), path / "none.safetensors");
}

TEST(FileKindTest, NothingIsKnownOfOthers) {
  for (const std::string& bytes : {""s, "G"s, "{\"n_layer\": 2}"s, "version 1"s, "#version: 0.2\nt h\n"s, "\x80"s,
                                   std::string(63, '\0'), "\x80\x02\0\0\0\0\0\0{\"wte\""s}) {
    EXPECT_EQ(ForeignKind(bytes), "") << bytes.size();
  }
}

}  // namespace
}  // namespace dcp
