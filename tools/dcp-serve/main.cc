#include "dcp-serve/serve_tool.h"

int main(int argc, char** argv) { return dcp::tools::ToolMain(argc, argv, dcp::tools::ServeMain); }
