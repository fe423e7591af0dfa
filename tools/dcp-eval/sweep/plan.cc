#include "dcp-eval/sweep/plan.h"

#include <algorithm>

#include "dcp-eval/sweep/kept_budget.h"

namespace dcp::tools {
namespace {

using Role = SweepJob::Role;

bool SamePolicy(const PolicySpec& a, const PolicySpec& b) {
  return a.kind == b.kind && a.window == b.window && a.sinks == b.sinks && a.stride == b.stride && a.budget == b.budget;
}

std::vector<ModelEntry> BaselineModels(const ModelList& list, BaselineModel which) {
  std::vector<ModelEntry> models;
  if (which != BaselineModel::kVariant) models.push_back(list.control);
  if (which == BaselineModel::kControl) return models;
  for (const ModelEntry& variant : list.variants) {
    const bool known =
        std::any_of(models.begin(), models.end(), [&](const ModelEntry& m) { return m.SameModel(variant); });
    if (!known) models.push_back(variant);
  }
  return models;
}

// The jobs of one kind on one model, without repetitions.
class KindPlan {
 public:
  KindPlan(const ModelEntry& model, PolicySpec::Kind kind) : model_(model), kind_(kind) {}

  SweepJob& Add(double kept, std::span<const size_t> counts) {
    const PolicySpec spec = MatchKept(kind_, kept, counts);
    for (SweepJob& job : jobs) {
      if (SamePolicy(job.policy, spec)) return job;
    }
    SweepJob job;
    job.role = Role::kBaseline;
    job.model = model_;
    job.policy = spec;
    return jobs.emplace_back(job);
  }

  std::vector<SweepJob> jobs;

 private:
  const ModelEntry& model_;
  const PolicySpec::Kind kind_;
};

}  // namespace

std::vector<SweepJob> PlanLearned(const ModelList& list, const SweepOptions& options) {
  std::vector<SweepJob> jobs(1);
  jobs[0].model = list.control;
  for (const ModelEntry& variant : list.variants) {
    SweepJob job;
    job.model = variant;
    job.role = Role::kDense;
    if (options.baseline_model != BaselineModel::kControl && !variant.SameModel(list.control)) jobs.push_back(job);
    job.role = Role::kLearned;
    job.policy.kind = PolicySpec::Kind::kLearned;
    for (const float threshold : options.thresholds) {
      job.policy.threshold = threshold;
      jobs.push_back(job);
    }
  }
  return jobs;
}

std::vector<SweepJob> PlanBaselines(const ModelList& list, const SweepOptions& options, std::span<const SweepRow> rows,
                                    std::span<const size_t> predicting, int context) {
  // Sparsity is asked for at the last position only.
  std::vector<size_t> last(static_cast<size_t>(context), 0);
  last.back() = 1;
  std::vector<SweepJob> jobs;
  for (const TunedBaseline& baseline : list.baselines) {
    jobs.push_back({Role::kBaseline, baseline.model, baseline.policy, {}, {}});
  }
  for (const ModelEntry& model : BaselineModels(list, options.baseline_model)) {
    for (const PolicySpec::Kind kind : options.baselines) {
      KindPlan plan(model, kind);
      for (size_t i = 0; i < rows.size() && !options.no_match; ++i) {
        const SweepJob& learned = rows[i].job;
        if (learned.role != Role::kLearned) continue;
        if (!model.SameModel(list.control) && !model.SameModel(learned.model)) continue;
        plan.Add(rows[i].kept, predicting).matched_to.push_back(i);
      }
      for (const double sparsity : options.budgets) {
        plan.Add((1 - sparsity) * (context - 1) + 1, last).budgets.push_back(sparsity);
      }
      jobs.insert(jobs.end(), plan.jobs.begin(), plan.jobs.end());
    }
  }
  return jobs;
}

}  // namespace dcp::tools
