#include "dcp-bench/jobs/jobs_options.h"

#include "common/option_group.h"
#include "common/report_file.h"
#include "common/schedule_options.h"

namespace dcp::tools {

void AddJobsOptions(CLI::App& app, JobsOptions& options) {
  const OptionGroup model(app, "Model");
  AddModelSource(model, options);
  model("--shape", options.shape,
        "Random weights of this shape instead: gpt2, gpt2-medium, gpt2-large, gpt2-xl, or layers, heads, width, "
        "positions, vocabulary",
        "NAME|L,H,C,P,V");
  model("--int-dim", options.int_dim, "Interaction width of --shape; default: 64; 0: none", "R", AtLeast(0));
  AddRunOptions(model, options);
  AddSeed(model, options.seed, "weights and token ids");
  const OptionGroup policy(app, "Policy");
  AddPolicyOptions(policy, options);
  policy("--sparsity", options.sparsity,
         "Share of the context, 0 to 0.999, that `learned` drops from each layer: decisions are drawn; decode scores "
         "and compares all the same, prefill, where that is a small part, does not",
         "X", Between(0.0, 0.999));
  const OptionGroup queue(app, "Queue");
  queue("--jobs", options.jobs, "A line for each request: prompt tokens, a tab, new tokens; all wait at the start",
        "JOBS.tsv", ReadNonEmpty)
      .Required();
  AddKvBudget(queue, options.kv_budget, "no limit");
  queue("--max-running", options.max_running, "Sequences at once at most; default: 64; 0: any number", "N", AtLeast(0));
  AddPromptTokens(queue, options.prompt_tokens);
  queue("--verify", options.verify, "Run so many of the jobs again, alone, and compare their tokens; default: 0", "N",
        AtLeast(0));
  AddJsonFile(OptionGroup(app, "Output"), options.json_file,
              "Write the result as JSON; no FILE, or -: to standard output");
}

}  // namespace dcp::tools
