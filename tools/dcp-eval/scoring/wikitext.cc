#include "dcp-eval/scoring/wikitext.h"

#include <array>
#include <string_view>
#include <utility>

#include "dcp-eval/scoring/text_rules.h"

namespace dcp::tools {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

// In this order: each sees what the ones before it left.
constexpr Replacement kContraction = {"s '", "s'"};
constexpr std::array<Replacement, 9> kPunctuation = {{{" @-@ ", "-"},
                                                      {" @,@ ", ","},
                                                      {" @.@ ", "."},
                                                      {" : ", ": "},
                                                      {" ; ", "; "},
                                                      {" . ", ". "},
                                                      {" ! ", "! "},
                                                      {" ? ", "? "},
                                                      {" , ", ", "}}};
constexpr std::array<std::pair<char, char>, 5> kBrackets = {
    {{'(', ')'}, {'[', ']'}, {'{', '}'}, {'"', '"'}, {'\'', '\''}}};
constexpr std::array<Replacement, 8> kRest = {{{"= = = =", "===="},
                                               {"= = =", "==="},
                                               {"= =", "=="},
                                               {" \u00b0 ", "\u00b0"},
                                               {" \n", "\n"},
                                               {"\n ", "\n"},
                                               {" N ", " 1 "},
                                               {" 's", "'s"}}};

std::string Replace(std::string_view text, const Replacement& replacement) {
  const auto& [from, to] = replacement;
  std::string result;
  for (size_t at; (at = text.find(from)) != std::string_view::npos; text.remove_prefix(at + from.size())) {
    result.append(text.substr(0, at)).append(to);
  }
  return result.append(text);
}

// "/' 3/" becomes "/'[0-9]/": a slip of the rules, in which no text is meant, kept because others keep it.
std::string ReplaceQuotedDigit(std::string_view text) {
  constexpr std::string_view kBegin = "/' ";
  std::string result;
  for (size_t at; (at = text.find(kBegin)) != std::string_view::npos;) {
    const std::string_view rest = text.substr(at + kBegin.size());
    const bool matches = rest.size() >= 2 && rest[0] >= '0' && rest[0] <= '9' && rest[1] == '/';
    result.append(text.substr(0, at)).append(matches ? "/'[0-9]/" : text.substr(at, 1));
    text.remove_prefix(at + (matches ? kBegin.size() + 2 : 1));
  }
  return result.append(text);
}

// Takes the white space away that stands inside a bracket, next to it. A bracket ends at the first one that closes.
std::string Tighten(std::string_view text, char open, char close) {
  std::string result;
  while (true) {
    const size_t begin = text.find(open);
    const size_t end = begin == std::string_view::npos ? begin : text.find(close, begin + 1);
    if (end == std::string_view::npos) return result.append(text);
    result.append(text.substr(0, begin + 1)).append(Strip(text.substr(begin + 1, end - begin - 1))) += close;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string DetokenizeWikitext(std::string text) {
  text = ReplaceQuotedDigit(Replace(text, kContraction));
  for (const Replacement& replacement : kPunctuation) text = Replace(text, replacement);
  for (const auto& [open, close] : kBrackets) text = Tighten(text, open, close);
  for (const Replacement& replacement : kRest) text = Replace(text, replacement);
  return text;
}

}  // namespace dcp::tools
