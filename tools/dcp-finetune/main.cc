#include "dcp-finetune/finetune_tool.h"

int main(int argc, char** argv) { return dcp::tools::ToolMain(argc, argv, dcp::finetune::FinetuneMain); }
