// The slow reference: GPT-2 with dropped context, straight from the equations. Dense, double precision, no cache: every
// token of the text goes through every layer, and what was dropped is masked.
//
//   s(n, j) = q_int(n) . k_int(j) / sqrt(R) + beta
//   allowed(n, j) = (j == n) or (j < n and nothing up to and including n has dropped j)
//
// and, of a model with an eviction delay W under its trained decisions, "up to and including n - W".
#ifndef DCP_TESTS_REFERENCE_ORACLE_H_
#define DCP_TESTS_REFERENCE_ORACLE_H_

#include <Eigen/Dense>
#include <cstdint>
#include <span>
#include <vector>

#include "dcp/eviction_policy.h"
#include "dcp/model_config.h"
#include "dcp/types.h"
#include "io/checkpoint.h"

namespace dcp::reference {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowVector = Eigen::RowVectorXd;

struct OracleLayer {
  RowVector ln_1_weight, ln_1_bias;   // [C]
  Matrix c_attn_weight;               // [C, 3C]
  RowVector c_attn_bias;              // [3C]
  Matrix c_proj_weight;               // [C, C]
  RowVector c_proj_bias;              // [C]
  RowVector ln_2_weight, ln_2_bias;   // [C]
  Matrix c_fc_weight;                 // [C, n_inner]
  RowVector c_fc_bias;                // [n_inner]
  Matrix mlp_c_proj_weight;           // [n_inner, C]
  RowVector mlp_c_proj_bias;          // [C]
  Matrix q_int_weight, k_int_weight;  // [R, C], empty without interaction tensors
  double int_bias = 0;                // beta
};

struct OracleResult {
  Matrix logits;                                 // [T, V]
  std::vector<double> nll;                       // [T - 1] of ids[i + 1] given ids[0 .. i]
  std::vector<std::vector<int32_t>> dropped_at;  // [L][T] first position that no longer attends it, -1: none
  std::vector<Matrix> scores;                    // [L] of [T, T] s(n, j) for j < n; empty without interaction tensors
  std::vector<std::vector<int32_t>> kept;        // [L] positions kept after the last token, ascending
  std::vector<std::vector<double>> margin;       // [L][T] of token n: see DropForToken()
  int delay = 0;                                 // W where the policy follows it: deciders are dropped_at - delay
  double sparsity = 0;                           // share of the earlier tokens dropped when the last one attends

  // The first token of which a decision, in any layer, was closer than `epsilon`; T where none was.
  int FirstDoubtful(double epsilon) const;
};

// Immutable: Run() may be called from several threads at once.
class Oracle {
 public:
  explicit Oracle(const Checkpoint& checkpoint);

  // REQUIRES 1 <= ids.size() <= P, ids in [0, V), and interaction tensors for the learned policy.
  OracleResult Run(std::span<const TokenId> ids, const PolicySpec& spec) const;

  const ModelConfig& config() const { return config_; }

 private:
  // Adds the attention of one layer to x [T, C].
  void Attention(int index, const PolicySpec& spec, Matrix& x, OracleResult& result) const;

  ModelConfig config_;
  Matrix wte_;      // [V, C]
  Matrix wpe_;      // [P, C]
  Matrix lm_head_;  // [V, C], empty where wte is the output matrix
  std::vector<OracleLayer> layers_;
  RowVector ln_f_weight_, ln_f_bias_;  // [C]
};

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_ORACLE_H_
