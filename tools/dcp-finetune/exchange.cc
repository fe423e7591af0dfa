#include "dcp-finetune/exchange.h"

#include <chrono>
#include <vector>

#include "dcp/error.h"

#ifdef DCP_FINETUNE_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif

namespace dcp::finetune {

#ifdef DCP_FINETUNE_GLOO
struct Exchange::Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

namespace {

c10::intrusive_ptr<c10d::ProcessGroupGloo> Join(const ExchangeOptions& options) {
  auto store = c10::make_intrusive<c10d::FileStore>(options.rendezvous, options.processes);
  auto settings = c10d::ProcessGroupGloo::Options::create();
  settings->timeout = std::chrono::hours(24);  // the others wait while the first one evaluates
  try {
    settings->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  } catch (const std::exception&) {  // a machine whose own name has no address
    settings->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("localhost"));
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.processes, settings);
}

}  // namespace
#else
struct Exchange::Group {};
#endif

void CheckExchange(const ExchangeOptions& options) {
  if (options.processes < 1 || options.rank < 0 || options.rank >= options.processes) {
    throw Error(ErrorCode::kInvalidArgument,
                "--rank is " + std::to_string(options.rank) + " of --world-size " + std::to_string(options.processes));
  }
  if (options.processes == 1) return;
  if (options.rendezvous.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--world-size above 1 needs --rendezvous FILE");
  }
#ifndef DCP_FINETUNE_GLOO
  throw Error(ErrorCode::kInvalidArgument,
              "--world-size " + std::to_string(options.processes) + ": this build has no gloo headers, only 1 process");
#endif
}

Exchange::Exchange(const ExchangeOptions& options) : options_(options) {
#ifdef DCP_FINETUNE_GLOO
  if (options.processes > 1) group_ = std::make_unique<Group>(Group{Join(options)});
#endif
}

Exchange::~Exchange() = default;

void Exchange::Sum(const torch::Tensor& values) {
#ifdef DCP_FINETUNE_GLOO
  if (!group_) return;
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> tensors = {values.cpu().contiguous()};
  group_->gloo->allreduce(tensors)->wait();
  if (!tensors[0].is_same(values)) values.copy_(tensors[0]);
#else
  (void)values;
#endif
}

void Exchange::Average(torch::Tensor& values) {
  if (options_.processes == 1) return;
  torch::NoGradGuard no_grad;
  Sum(values);
  values.div_(options_.processes);
}

}  // namespace dcp::finetune
