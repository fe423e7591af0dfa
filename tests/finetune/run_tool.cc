#include "tests/finetune/run_tool.h"

#include <atomic>
#include <sstream>

#include "dcp-finetune/finetune_tool.h"

namespace dcp::finetune {

Outcome RunTool(const std::vector<std::string>& args) {
  std::istringstream in;
  std::ostringstream out, err;
  const std::atomic<bool> interrupted = false;
  tools::ToolIo io{in, out, err, interrupted};
  const int status = FinetuneMain(args, io);
  return {status, out.str(), err.str()};
}

std::string MakeText(int sentences, unsigned seed) {
  const char* subjects[] = {"The cat", "A bird", "My brother", "The old king", "Nobody"};
  const char* verbs[] = {" sees", " loves", " does not know", " follows", " sings to"};
  const char* objects[] = {" the river.", " a small house.", " the children of the town.", " it!", " 1234 apples."};
  std::string text;
  for (int i = 0; i < sentences; ++i) {
    seed = seed * 1664525 + 1013904223;
    text += subjects[(seed >> 8) % 5] + std::string(verbs[(seed >> 16) % 5]) + objects[(seed >> 24) % 5];
    text += i % 7 == 6 ? "\n\n" : " ";
  }
  return text;
}

}  // namespace dcp::finetune
