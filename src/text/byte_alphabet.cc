#include "text/byte_alphabet.h"

#include <array>
#include <cstddef>

#include "support/utf8.h"

namespace dcp {
namespace {

constexpr char32_t kFirstSubstitute = 0x100;
constexpr size_t kSubstitutes = 68;

constexpr bool StandsForItself(char32_t code) {
  return (code >= 0x21 && code <= 0x7E) || (code >= 0xA1 && code <= 0xAC) || (code >= 0xAE && code <= 0xFF);
}

// The bytes that U+0100, U+0101, ... stand for.
constexpr std::array<uint8_t, kSubstitutes> MakeSubstitutedBytes() {
  std::array<uint8_t, kSubstitutes> bytes{};
  size_t count = 0;
  for (char32_t byte = 0; byte < 256; ++byte) {
    if (!StandsForItself(byte)) bytes[count++] = static_cast<uint8_t>(byte);
  }
  return bytes;
}

constexpr std::array<char32_t, 256> MakeCharacters() {
  std::array<char32_t, 256> characters{};
  for (char32_t byte = 0; byte < 256; ++byte) characters[byte] = byte;
  char32_t substitute = kFirstSubstitute;
  for (uint8_t byte : MakeSubstitutedBytes()) characters[byte] = substitute++;
  return characters;
}

constexpr std::array<uint8_t, kSubstitutes> kSubstitutedBytes = MakeSubstitutedBytes();
constexpr std::array<char32_t, 256> kCharacters = MakeCharacters();

}  // namespace

char32_t CharacterOfByte(uint8_t byte) { return kCharacters[byte]; }

std::optional<uint8_t> ByteOfCharacter(char32_t code) {
  if (StandsForItself(code)) return static_cast<uint8_t>(code);
  if (code < kFirstSubstitute || code >= kFirstSubstitute + kSubstitutes) return std::nullopt;
  return kSubstitutedBytes[code - kFirstSubstitute];
}

std::string NameOfByte(uint8_t byte) {
  std::string name;
  AppendUtf8(CharacterOfByte(byte), name);
  return name;
}

}  // namespace dcp
