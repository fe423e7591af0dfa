#include "dcp-finetune/evaluate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "dcp-finetune/lm_loss.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

constexpr int kContexts[] = {250, 500, 1000};

struct Sums {
  double nll = 0;
  int64_t tokens = 0;
  std::vector<double> dropped;  // [L] summed over windows
  int64_t windows = 0;          // of more than one token
  std::map<int, std::pair<double, int64_t>> at;
};

// kept [B, T] of one layer: share of the n earlier tokens that is gone when token n attends, mean over the batch.
double SparsityAt(const Tensor& kept, int64_t n) {
  return 1 - kept.select(1, n).to(torch::kDouble).mean().item<double>() / static_cast<double>(n);
}

void AddSparsity(const std::vector<Tensor>& kept, Sums& sums) {
  const int64_t count = kept[0].size(0), last = kept[0].size(1) - 1;
  if (last < 1) return;
  sums.dropped.resize(kept.size());
  sums.windows += count;
  for (size_t l = 0; l < kept.size(); ++l) sums.dropped[l] += SparsityAt(kept[l], last) * static_cast<double>(count);
  for (const int n : kContexts) {
    if (n > last) continue;
    double mean = 0;
    for (const Tensor& layer : kept) mean += SparsityAt(layer, n) / static_cast<double>(kept.size());
    sums.at[n].first += mean * static_cast<double>(count);
    sums.at[n].second += count;
  }
}

void AddBatch(const Parameters& parameters, const TokenCorpus& corpus, std::span<const tools::Window> windows,
              const ForwardOptions& options, Sums& sums) {
  const auto count = static_cast<int64_t>(windows.size()), length = static_cast<int64_t>(windows[0].length());
  Tensor ids = torch::empty({count, length}, torch::kLong);
  Tensor targets = torch::full({count, length}, kIgnoredTarget, torch::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const tools::Window& window = windows[i];
    const std::span<int64_t> row(ids.data_ptr<int64_t>() + i * length, window.length());
    int64_t* const wanted = targets.data_ptr<int64_t>() + i * length;
    corpus.Read(window.document, static_cast<int64_t>(window.begin), row);
    const size_t first = window.first_scored - window.begin;
    std::copy(row.begin() + first, row.end(), wanted + first - 1);
    sums.tokens += window.end - window.first_scored;
  }
  const torch::Device device = parameters["wte.weight"].device();
  const ForwardResult result = Forward(parameters, ids.to(device), options);
  const Tensor nll = TokenNll(result.hidden.view({count * length, -1}), parameters.Output(),
                              targets.view({-1}).to(device), options.compute);
  sums.nll += nll.sum(torch::kDouble).item<double>();
  if (!result.kept.empty()) AddSparsity(result.kept, sums);
}

}  // namespace

double Evaluation::MeanSparsity() const {
  double sum = 0;
  for (const double layer : sparsity) sum += layer;
  return sparsity.empty() ? 0 : sum / static_cast<double>(sparsity.size());
}

Evaluation Evaluate(const Parameters& parameters, const TokenCorpus& corpus, const std::vector<tools::Window>& windows,
                    int64_t batch, const ForwardOptions& options, const std::function<void()>& between) {
  torch::NoGradGuard no_grad;
  Sums sums;
  for (size_t begin = 0; begin < windows.size();) {
    size_t end = begin + 1;
    while (end < windows.size() && end - begin < static_cast<size_t>(batch) &&
           windows[end].length() == windows[begin].length())
      ++end;
    between();
    AddBatch(parameters, corpus, std::span(windows).subspan(begin, end - begin), options, sums);
    begin = end;
  }
  Evaluation evaluation;
  evaluation.tokens = sums.tokens;
  evaluation.nll = sums.nll / static_cast<double>(std::max<int64_t>(sums.tokens, 1));
  for (const double dropped : sums.dropped) evaluation.sparsity.push_back(dropped / static_cast<double>(sums.windows));
  for (const auto& [n, sum] : sums.at)
    evaluation.sparsity_at.emplace_back(n, sum.first / static_cast<double>(sum.second));
  return evaluation;
}

tools::Json ToJson(const Evaluation& evaluation) {
  tools::Json json = {{"tokens", evaluation.tokens}, {"nll", evaluation.nll}, {"perplexity", std::exp(evaluation.nll)}};
  if (evaluation.sparsity.empty()) return json;
  json["sparsity"] = evaluation.MeanSparsity();
  json["sparsity_per_layer"] = evaluation.sparsity;
  json["sparsity_at"] = tools::Json::object();
  for (const auto& [n, sparsity] : evaluation.sparsity_at) json["sparsity_at"][std::to_string(n)] = sparsity;
  return json;
}

}  // namespace dcp::finetune
