// What one request for generated text may ask for, on a command line, in a line of a file, or in the body of a request.
#ifndef DCP_TOOLS_COMMON_REQUEST_OPTIONS_H_
#define DCP_TOOLS_COMMON_REQUEST_OPTIONS_H_

#include <string>
#include <vector>

#include "dcp/generate.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

class OptionGroup;  // common/option_group.h

// GenerateOptions, with its continuations as they are given. The seed is an option of its own.
struct RequestSettings : GenerateOptions {
  std::vector<std::string> score;               // texts, encoded by themselves
  std::vector<std::vector<TokenId>> score_ids;  // after them
};

// All but where a tool has others under the same names.
void AddRequestOptions(const OptionGroup& add, RequestSettings& settings);

// As the library takes them: texts become ids. `tokenizer` may be null where there are no texts.
GenerateOptions MakeRequestOptions(const RequestSettings& settings, const Tokenizer* tokenizer);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_REQUEST_OPTIONS_H_
