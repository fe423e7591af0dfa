// GPT-2's way to write arbitrary bytes in JSON: every byte stands as one printable character.
#ifndef DCP_TEXT_BYTE_ALPHABET_H_
#define DCP_TEXT_BYTE_ALPHABET_H_

#include <cstdint>
#include <optional>
#include <string>

namespace dcp {

// Printable Latin-1 characters stand for themselves; the other 68 bytes, in order, for U+0100 and on.
char32_t CharacterOfByte(uint8_t byte);

// Inverse of CharacterOfByte; none when the character stands for no byte.
std::optional<uint8_t> ByteOfCharacter(char32_t code);

// CharacterOfByte in UTF-8: how the byte's own token is written in vocab.json.
std::string NameOfByte(uint8_t byte);

}  // namespace dcp

#endif  // DCP_TEXT_BYTE_ALPHABET_H_
