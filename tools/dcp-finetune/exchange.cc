#include "dcp-finetune/exchange.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "dcp/error.h"
#include "support/escape.h"

#ifdef DCP_FINETUNE_GLOO
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

namespace dcp::finetune {

#ifdef DCP_FINETUNE_GLOO
struct Exchange::Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

namespace {

c10::intrusive_ptr<c10d::Store> Meet(const ExchangeOptions& options) {
  if (!options.rendezvous.empty()) {
    return c10::make_intrusive<c10d::FileStore>(options.rendezvous, options.processes);
  }
  c10d::TCPStoreOptions settings;
  settings.port = static_cast<uint16_t>(options.port);
  settings.isServer = options.rank == 0;
  settings.numWorkers = static_cast<size_t>(options.processes);
  try {
    return c10::make_intrusive<c10d::TCPStore>(options.master, settings);
  } catch (const std::exception& error) {
    const std::string why = error.what();
    throw Error(ErrorCode::kIo, "MASTER_ADDR " + options.master + ", port " + std::to_string(options.port) + ": rank " +
                                    std::to_string(options.rank) +
                                    " cannot meet the others: " + why.substr(0, why.find('\n')));
  }
}

c10::intrusive_ptr<c10d::ProcessGroupGloo> Join(const ExchangeOptions& options) {
  auto store = Meet(options);
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

namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is not set, but WORLD_SIZE is " +
                                                 std::getenv("WORLD_SIZE") + ": a group of processes needs it");
  }
  return value;
}

int NumberIn(const char* name, int least, int most) {
  const std::string text = Variable(name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most) return value;
  throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is " + Quote(text) + ", expected " +
                                               std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

ExchangeOptions ExchangeOfEnvironment() {
  constexpr int kMostProcesses = 1 << 20;
  ExchangeOptions options;
  const char* const size = std::getenv("WORLD_SIZE");
  if (size == nullptr || *size == '\0') return options;
  options.processes = NumberIn("WORLD_SIZE", 1, kMostProcesses);
  if (options.processes == 1) return options;
  options.rank = NumberIn("RANK", 0, options.processes - 1);
  options.master = Variable("MASTER_ADDR");
  options.port = NumberIn("MASTER_PORT", 1, 65534);
  // torchrun itself listens at that port then, and speaks the language of its own version of torch.
  const char* const agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  if (agent != nullptr && std::string_view(agent) == "True") ++options.port;
  if (std::getenv("LOCAL_RANK") != nullptr) options.device = NumberIn("LOCAL_RANK", 0, options.processes - 1);
  return options;
}

void CheckExchange(const ExchangeOptions& options) {
  if (options.processes < 1 || options.rank < 0 || options.rank >= options.processes) {
    throw Error(ErrorCode::kInvalidArgument,
                "--rank is " + std::to_string(options.rank) + " of --world-size " + std::to_string(options.processes));
  }
  if (options.processes == 1) return;
  if (options.rendezvous.empty() && options.master.empty()) {
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
