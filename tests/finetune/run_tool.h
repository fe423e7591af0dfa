// Runs dcp-finetune as a function, on texts that a tiny model can begin to learn.
#ifndef DCP_TESTS_FINETUNE_RUN_TOOL_H_
#define DCP_TESTS_FINETUNE_RUN_TOOL_H_

#include <string>
#include <vector>

namespace dcp::finetune {

struct Outcome {
  int status;
  std::string out, err;
};

Outcome RunTool(const std::vector<std::string>& args);

// Sentences from a small grammar.
std::string MakeText(int sentences, unsigned seed);

}  // namespace dcp::finetune

#endif  // DCP_TESTS_FINETUNE_RUN_TOOL_H_
