#include "dcp-finetune/finetune_tool.h"
#include "dcp-finetune/memory.h"

int main(int argc, char** argv) {
  dcp::finetune::KeepFreedMemory(argv);
  return dcp::tools::ToolMain(argc, argv, dcp::finetune::FinetuneMain);
}
