// Words and sentences of plain prose, as examples are cut from it. A simple reading that suits printed English.
#ifndef DCP_TOOLS_DCP_EVAL_TASK_PROSE_H_
#define DCP_TOOLS_DCP_EVAL_TASK_PROSE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dcp::tools {

// A run of characters without white space. Positions are bytes of the text.
struct Word {
  size_t begin = 0;
  size_t end = 0;
  size_t core_begin = 0;  // without the punctuation around it; core_begin == core_end: nothing else is there
  size_t core_end = 0;
  bool starts_sentence = false;  // the first of the text, of a paragraph, or after the end of a sentence
  bool starts_paragraph = false;
};

class Prose {
 public:
  explicit Prose(std::string text);

  const std::string& text() const { return text_; }
  const std::vector<Word>& words() const { return words_; }

  std::string_view Core(size_t word) const;

  // The text from the beginning of word `first` to the end of word `last`.
  std::string_view Span(size_t first, size_t last) const;

  // True when word `i` closes its sentence: it ends in . ! or ? (quotation marks may follow), is no abbreviation, and
  // what follows begins with a capital.
  bool EndsSentence(size_t i) const;

 private:
  void FindWords();

  std::string text_;
  std::vector<Word> words_;
};

// True for words of four letters and more that say little by themselves: pronouns, prepositions, auxiliaries and the
// like. `core` in any case.
bool IsFunctionWord(std::string_view core);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_TASK_PROSE_H_
