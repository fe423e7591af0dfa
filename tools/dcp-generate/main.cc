#include "common/ranks/run_on_ranks.h"
#include "dcp-generate/generate_tool.h"

int main(int argc, char** argv) {
  return dcp::tools::ToolMain(argc, argv, [](std::span<const std::string> args, dcp::tools::ToolIo& io) {
    return dcp::tools::RunOnRanks(dcp::tools::GenerateMain, "dcp-generate", args, io);
  });
}
