// WikiText as people would have written it.
#ifndef DCP_TOOLS_DCP_EVAL_SCORING_WIKITEXT_H_
#define DCP_TOOLS_DCP_EVAL_SCORING_WIKITEXT_H_

#include <string>

namespace dcp::tools {

// WikiText parts words, punctuation and headings by spaces and writes "1 @,@ 000" for "1,000". Puts them together by
// the rules that lm-evaluation-harness has for its task wikitext, so that perplexities can be compared: text for text
// the same bytes.
std::string DetokenizeWikitext(std::string text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SCORING_WIKITEXT_H_
