// /tokenize and /detokenize.
#ifndef DCP_TOOLS_DCP_SERVE_HTTP_TEXT_ENDPOINTS_H_
#define DCP_TOOLS_DCP_SERVE_HTTP_TEXT_ENDPOINTS_H_

#include <string>
#include <string_view>

#include "common/json.h"
#include "dcp-serve/engine.h"

namespace dcp::tools {

// {"content": "text"} -> {"tokens": [ids], "count": n}; "text" and "prompt" are other names of the field. With
// "pieces": true also the text of each, characters that several make with the last of them. Throws ApiError.
Json TokenizeText(std::string_view body, const Engine& engine);

// {"tokens": [ids]} -> {"content": "text", "text": "text", "prompt": "text"}. Throws ApiError.
Json DetokenizeIds(std::string_view body, const Engine& engine);

// In quotes, on one line.
std::string Quoted(std::string_view text);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_HTTP_TEXT_ENDPOINTS_H_
