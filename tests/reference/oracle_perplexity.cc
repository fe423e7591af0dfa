// Perplexity of a text by the oracle, to hold `dcp-eval perplexity --ids` against:
//
//   oracle-perplexity MODEL_DIR IDS.json CONTEXT STRIDE POLICY [MAXTOKENS]
//
// Windows begin at multiples of STRIDE and are CONTEXT tokens long; each scores the tokens that none before it has
// scored, the first its tokens 1, 2, ...; the last one reaches the end of the text. All cores are used.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "dcp/eviction_policy.h"
#include "io/checkpoint.h"
#include "tests/reference/oracle.h"

namespace dcp::reference {
namespace {

struct Window {
  size_t begin = 0;
  size_t end = 0;
  size_t first_scored = 0;  // absolute position of the first token to score
  double nll = 0;           // sum over its scored tokens
  double sparsity = 0;
  double margin = 0;  // the nearest decision
};

std::vector<Window> Windows(size_t tokens, size_t context, size_t stride) {
  std::vector<Window> windows;
  size_t scored_to = 1;
  for (size_t begin = 0;; begin += stride) {
    Window window;
    window.begin = begin;
    window.end = std::min(begin + context, tokens);
    window.first_scored = scored_to;
    scored_to = window.end;
    windows.push_back(window);
    if (window.end == tokens) return windows;
  }
}

void Score(const Oracle& oracle, const PolicySpec& spec, const std::vector<TokenId>& ids, Window& window) {
  const std::span<const TokenId> text(ids.data() + window.begin, window.end - window.begin);
  const OracleResult result = oracle.Run(text, spec);
  for (size_t t = window.first_scored; t < window.end; ++t) window.nll += result.nll[t - window.begin - 1];
  window.sparsity = result.sparsity;
  window.margin = result.margin[0][0];
  for (const auto& layer : result.margin) {
    window.margin = std::min(window.margin, *std::min_element(layer.begin(), layer.end()));
  }
}

void ScoreAll(const Oracle& oracle, const PolicySpec& spec, const std::vector<TokenId>& ids,
              std::vector<Window>& windows) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < windows.size(); i = next++) Score(oracle, spec, ids, windows[i]);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 5 || arguments.size() > 6) {
    std::fprintf(stderr, "usage: oracle-perplexity MODEL_DIR IDS.json CONTEXT STRIDE POLICY [MAXTOKENS]\n");
    return 2;
  }
  const Oracle oracle(Checkpoint::Open(arguments[0]));
  std::ifstream file(arguments[1]);
  auto ids = nlohmann::json::parse(file).get<std::vector<TokenId>>();
  if (arguments.size() == 6) ids.resize(std::min<size_t>(ids.size(), std::stoul(arguments[5])));
  const size_t context = std::stoul(arguments[2]);
  const size_t stride = std::stoul(arguments[3]);
  const auto positions = static_cast<size_t>(oracle.config().n_positions);
  if (ids.size() < 2 || stride < 1 || stride > context || context > positions) {
    std::fprintf(stderr, "needs two tokens or more, and 1 <= STRIDE <= CONTEXT <= %zu\n", positions);
    return 2;
  }
  const PolicySpec spec = ParsePolicy(arguments[4]);

  std::vector<Window> windows = Windows(ids.size(), context, stride);
  ScoreAll(oracle, spec, ids, windows);
  double nll = 0;
  double sparsity = 0;
  double margin = windows[0].margin;
  for (const Window& window : windows) {
    nll += window.nll;
    sparsity += window.sparsity;
    margin = std::min(margin, window.margin);
  }
  const auto scored = static_cast<double>(ids.size() - 1);
  std::printf(
      "{\"tokens\": %.0f, \"nll\": %.8f, \"perplexity\": %.6f, \"windows\": %zu, \"sparsity\": %.6f, "
      "\"nearest_decision\": %.3g}\n",
      scored, nll / scored, std::exp(nll / scored), windows.size(), sparsity / static_cast<double>(windows.size()),
      std::isfinite(margin) ? margin : -1.0);
  return 0;
}

}  // namespace
}  // namespace dcp::reference

int main(int argc, char** argv) {
  try {
    return dcp::reference::Main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "oracle-perplexity: %s\n", error.what());
    return 2;
  }
}
