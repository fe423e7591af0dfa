// Data-parallel training: several processes that add up their gradients.
#ifndef DCP_TOOLS_DCP_FINETUNE_EXCHANGE_H_
#define DCP_TOOLS_DCP_FINETUNE_EXCHANGE_H_

#include <torch/types.h>

#include <memory>

#include "dcp-finetune/train_options.h"

namespace dcp::finetune {

// What torchrun, Slurm's and Kubeflow's launchers say in RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT and, of several
// devices, LOCAL_RANK - under torchrun the next port, since its own is taken; one process where WORLD_SIZE is not set.
// Throws dcp::Error(kInvalidArgument) naming a variable that is missing or no number in range.
ExchangeOptions ExchangeOfEnvironment();

// Throws dcp::Error(kInvalidArgument) for options out of range, or when this build has no gloo.
void CheckExchange(const ExchangeOptions& options);

// torch's own process group over TCP (gloo). One process is a group that exchanges nothing.
class Exchange {
 public:
  // Waits for the others. REQUIRES: CheckExchange(options).
  explicit Exchange(const ExchangeOptions& options);
  ~Exchange();

  int rank() const { return options_.rank; }
  int processes() const { return options_.processes; }

  // Replaces `values` by the mean over all processes; every process must call it, in the same order.
  void Average(torch::Tensor& values);

  // Replaces `values` by their sum over all processes, in the same way. A value that only one process gives, and the
  // others as zero, arrives as it is.
  void Sum(const torch::Tensor& values);

 private:
  struct Group;
  ExchangeOptions options_;
  std::unique_ptr<Group> group_;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_EXCHANGE_H_
