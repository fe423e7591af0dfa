// What dcp-eval can do: each subcommand with its options and its work, for eval_tool.cc to list.
#ifndef DCP_TOOLS_DCP_EVAL_SUBCOMMANDS_H_
#define DCP_TOOLS_DCP_EVAL_SUBCOMMANDS_H_

#include "common/tool.h"

namespace dcp::tools {

// How well a model predicts texts under a policy, and what that costs in memory.
Subcommand PerplexityCommand();

// One text under many policies and budgets, every row over the same windows: what pruning costs, and what a simpler
// policy that keeps as many tokens would have cost.
Subcommand SweepCommand();

// Zero-shot scores on public question files, as lm-evaluation-harness computes them, under any policy.
Subcommand TaskCommand();

// Such files of our own, made from books.
Subcommand MakeTaskCommand();

// Over which distances a model still knows what was said, dense and under every policy.
Subcommand RecallCommand();

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_EVAL_SUBCOMMANDS_H_
