#include "dcp-inspect/trace/picture.h"

#include <algorithm>
#include <cmath>

#include "common/format.h"
#include "common/id_list.h"
#include "dcp-inspect/page/svg_sheet.h"
#include "dcp-inspect/tokens/token_text.h"
#include "dcp/error.h"
#include "support/utf8.h"

namespace dcp::tools {
namespace {

// Pixels. Letters are all of one width, forced by textLength, so that the picture does not depend on the reader's
// fonts.
constexpr double kLetter = 9;
constexpr double kTextLeft = 104;
constexpr size_t kLineLetters = 84;
constexpr double kRight = 150;  // room for the numbers
constexpr double kLine = 27;
constexpr double kBlockGap = 18;
constexpr double kArcRoom = 34;
constexpr double kHead = 74;
constexpr double kWidth = kTextLeft + kLetter * kLineLetters + kRight;
constexpr size_t kMostArcs = 12;

// Where a token stands in the text.
struct Place {
  std::string text;  // without the space before it
  size_t line = 0;
  size_t column = 0;
  size_t letters = 0;
};

size_t Letters(std::string_view text) {
  size_t letters = 0;
  for (; !text.empty(); ++letters) text.remove_prefix(ReadUtf8(text).length);
  return letters;
}

// Lines break before words; line ends of the text are spaces.
std::vector<Place> Lay(const NamedTrace& trace, const Passage& passage) {
  std::vector<std::string> texts = ShownTexts(trace);
  texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(passage.last) + 1, texts.end());
  texts.erase(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(passage.first));
  std::vector<Place> places;
  size_t line = 0;
  size_t column = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t first = std::min(texts[i].find_first_not_of(" \n\t"), texts[i].size());
    Place place{texts[i].substr(first), line, 0, Letters(texts[i].substr(first))};
    std::replace(place.text.begin(), place.text.end(), '\n', ' ');
    column += column > 0 ? std::min<size_t>(first, 1) : 0;
    // The whole word has to fit, however many tokens make it.
    size_t word = place.letters;
    for (size_t j = i + 1; j < texts.size() && !texts[j].empty() && texts[j].front() > ' '; ++j)
      word += Letters(texts[j]);
    if (column > 0 && first > 0 && column + word > kLineLetters) {
      ++line;
      column = 0;
    }
    place.line = line;
    place.column = column;
    column += place.letters;
    places.push_back(std::move(place));
  }
  return places;
}

// The token that drops most others on its own line, and in which layer: the example that is shown. Tokens count from
// the beginning of the passage.
struct Example {
  size_t layer = 0;
  size_t by = 0;
  std::vector<size_t> dropped;
};

Example FindExample(const NamedTrace& trace, const Passage& passage, const std::vector<Place>& places) {
  Example best;
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    std::vector<std::vector<size_t>> made(places.size());
    for (size_t j = 0; j < places.size(); ++j) {
      const int32_t by = DroppedBy(trace.layers[l], passage.first + j, trace.eviction_delay);
      if (by < 0 || static_cast<size_t>(by) > passage.last) continue;
      const size_t n = static_cast<size_t>(by) - passage.first;
      if (places[n].line == places[j].line) made[n].push_back(j);
    }
    for (size_t n = 0; n < made.size(); ++n) {
      if (made[n].size() > best.dropped.size() && made[n].size() <= kMostArcs) best = {l, n, made[n]};
    }
  }
  return best;
}

double CenterOf(const Place& place) {
  return kTextLeft + kLetter * (static_cast<double>(place.column) + static_cast<double>(place.letters) / 2);
}

SvgAttributes Rounded(std::string_view look) { return Class(look, {{"rx", "2"}}); }

void DrawToken(const NamedTrace& trace, size_t layer, size_t token, const Place& place, double baseline,
               SvgDrawing& sheet) {
  if (place.letters == 0) return;
  const double x = kTextLeft + kLetter * static_cast<double>(place.column);
  const double width = kLetter * static_cast<double>(place.letters);
  const bool held = trace.layers[layer].dropped_at[token] < 0;
  if (held) {
    sheet.Rect(x - 1, baseline - 15, width + 2, 20, Rounded("tint"));
    sheet.Rect(x, baseline + 5, width, 2.5, Rounded("held-bar"));
  }
  // What was dropped long after it was read has faded less.
  const double life = static_cast<double>(Lifetime(trace.layers[layer], token));
  const double opacity = held ? 1 : 0.26 + 0.4 * std::log(life) / std::log(static_cast<double>(trace.size()) + 1);
  sheet.Text(x, baseline,
             Class(held ? "code held" : "code",
                   {{"textLength", width}, {"lengthAdjust", "spacingAndGlyphs"}, {"opacity", Format("%.2f", opacity)}}),
             place.text);
}

void DrawNumbers(const NamedTrace& trace, size_t layer, const Passage& passage, double baseline, SvgDrawing& sheet) {
  size_t held = 0;
  for (size_t j = passage.first; j <= passage.last; ++j) held += trace.layers[layer].dropped_at[j] < 0;
  const size_t shown = passage.last - passage.first + 1;
  sheet.Text(24, baseline, Class("strong"), "Layer " + std::to_string(layer));
  const double x = kWidth - kRight + 26;
  sheet.Text(x, baseline, Class("soft"), std::to_string(held) + " of " + std::to_string(shown) + " held");
  const double share = static_cast<double>(held) / static_cast<double>(shown);
  sheet.Rect(x, baseline + 5, 100, 2.5, Rounded("off-bar"));
  sheet.Rect(x, baseline + 5, std::max(1.0, 100 * share), 2.5, Rounded("held-bar"));
}

std::string Title(const NamedTrace& trace, const Passage& passage) {
  const size_t later = trace.size() - 1 - passage.last;
  if (later == 0) return "What each layer still holds when the last word has been read";
  return "What each layer still holds of a passage, " + std::to_string(later) + " tokens later";
}

void DrawExample(const Example& example, const std::vector<Place>& places, double baseline, SvgDrawing& sheet) {
  const Place& by = places[example.by];
  const double top = baseline - 17;
  const double from = CenterOf(by);
  for (const size_t token : example.dropped) {
    const double to = CenterOf(places[token]);
    const double lift = 8 + std::min(20.0, std::abs(from - to) * 0.06);
    sheet.Path(
        Format("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", from, top, from, top - lift, to, top - lift, to, top - 3),
        Class("arc"));
    sheet.Path(Format("M%.1f %.1fl-3.5-6h7z", to, top), Class("head"));
  }
  const double width = kLetter * static_cast<double>(by.letters);
  sheet.Rect(from - width / 2 - 2, baseline - 16, width + 4, 22, Rounded("frame"));
  const std::string words = example.dropped.size() == 1 ? " token" : " tokens";
  sheet.Text(from + width / 2 + 8, top - 10, Class("drop"),
             "reading \u201c" + by.text + "\u201d, it drops " + std::to_string(example.dropped.size()) + words);
}

}  // namespace

Passage ParsePassage(const std::optional<std::string>& text, size_t tokens) {
  Passage passage{0, tokens - 1};
  if (text) {
    const size_t dash = text->find('-');
    const auto number = [&](std::string_view digits) { return static_cast<size_t>(ParseId(digits, "--show")); };
    if (dash == std::string::npos) throw Error(ErrorCode::kInvalidArgument, "--show: \"" + *text + "\" lacks a \"-\"");
    passage = {number(text->substr(0, dash)), number(text->substr(dash + 1))};
    if (passage.first > passage.last || passage.last >= tokens) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--show: \"" + *text + "\" is no part of the text, which has tokens 0-" + std::to_string(tokens - 1));
    }
  }
  const size_t shown = passage.last - passage.first + 1;
  if (shown > kPictureTokens) {
    throw Error(ErrorCode::kInvalidArgument, "--svg: " + std::to_string(shown) + " tokens, a picture takes at most " +
                                                 std::to_string(kPictureTokens) + "; --show chooses some");
  }
  return passage;
}

std::string TracePicture(const NamedTrace& trace, const Passage& passage) {
  const std::vector<Place> places = Lay(trace, passage);
  const Example example = FindExample(trace, passage, places);
  SvgDrawing sheet;
  sheet.Text(24, 34, Class("title"), Title(trace, passage));
  sheet.Text(24, 55, Class("soft"), "Marked: held. Faded: dropped for good, the sooner the fainter.");
  double y = kHead;
  for (size_t l = 0; l < trace.layers.size(); ++l) {
    const bool shows = l == example.layer && !example.dropped.empty();
    if (shows && places[example.by].line == 0) y += kArcRoom;
    const double first = y + 22;
    DrawNumbers(trace, l, passage, first, sheet);
    // Room above the line of the example.
    const auto baseline_of = [&](size_t line) {
      const bool below = shows && places[example.by].line > 0 && line >= places[example.by].line;
      return first + kLine * static_cast<double>(line) + (below ? kArcRoom : 0);
    };
    for (size_t i = 0; i < places.size(); ++i)
      DrawToken(trace, l, passage.first + i, places[i], baseline_of(places[i].line), sheet);
    if (shows) DrawExample(example, places, baseline_of(places[example.by].line), sheet);
    y = baseline_of(places.back().line) + kLine - 22 + kBlockGap;
  }
  sheet.Text(24, y + 22, Class("small"),
             "Drawn by dcp-inspect" + (trace.model.empty() ? "" : " from " + trace.model) +
                 (trace.policy.empty() ? "" : ", policy " + trace.policy) + ".");
  return SvgFile(sheet, kWidth, y + 40,
                 "A text, repeated for each layer of a model; tokens that the layer dropped are faded");
}

}  // namespace dcp::tools
