#include "common/ranks/ranks.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "support/hash.h"

namespace dcp::tools {
namespace {

constexpr std::chrono::milliseconds kLookAgain(2);

// Until `done` says so; false where the interrupt came first.
template <typename Done>
bool WaitFor(const std::atomic<bool>& interrupted, const Done& done) {
  while (!done()) {
    if (interrupted) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
  return true;
}

std::string Bytes(size_t number) { return std::string(reinterpret_cast<const char*>(&number), sizeof number); }

size_t NumberAt(std::string_view bytes) {
  size_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

Ranks& Ranks::Ours() {
  static Ranks ranks;
  return ranks;
}

int Ranks::ThreadsFor(int threads) const {
  if (!link_ || threads != 0) return threads;
  // A launcher that binds its processes, to cores or to a socket that several share, lets each have no more than that.
  cpu_set_t set;
  const int mine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, std::min(mine, static_cast<int>(std::thread::hardware_concurrency()) / link_->local_size()));
}

void Ranks::Share(std::string& text, const std::atomic<bool>& interrupted) {
  if (!link_) return;
  if (first()) {
    for (int to = 1; to < size(); ++to) link_->Send(to, text);
    return;
  }
  const bool came = WaitFor(interrupted, [&] {
    auto message = link_->Receive(0);
    if (message) text = std::move(*message);
    return message.has_value();
  });
  if (!came) throw Interrupted{};
}

void Ranks::AgreeOn(const std::string& what, const std::string& text, const std::atomic<bool>& interrupted) {
  if (!link_) return;
  const std::string mine = Bytes(FnvHash(kFnvBasis, text.data(), text.size()));
  std::string all = mine;
  Share(all, interrupted);
  if (all != mine) RejectInput(what + ": is not the same on this rank as on rank 0");
}

SharedWork::SharedWork(std::vector<size_t> pieces, Take take, ToolIo& io)
    : ranks_(Ranks::Ours()), take_(std::move(take)), interrupted_(io.interrupted) {
  std::string list(reinterpret_cast<const char*>(pieces.data()), pieces.size() * sizeof(size_t));
  ranks_.Share(list, interrupted_);
  left_ = list.size() / sizeof(size_t);
  for (auto i = static_cast<size_t>(ranks_.rank()); i < left_; i += static_cast<size_t>(ranks_.size())) {
    mine_.push_back(NumberAt(std::string_view(list).substr(i * sizeof(size_t))));
  }
}

void SharedWork::Give(size_t piece, std::string_view result) {
  if (!ranks_.first()) return ranks_.link()->Send(0, Bytes(piece) + std::string(result));
  --left_;
  take_(piece, result);
}

bool SharedWork::GoOn() {
  if (ranks_.link() != nullptr && !ranks_.first()) ranks_.link()->Delivered();
  if (ranks_.link() != nullptr && ranks_.first()) {
    while (left_ > 0) {
      const auto message = ranks_.link()->Receive(-1);
      if (!message) break;
      Give(NumberAt(*message), std::string_view(*message).substr(sizeof(size_t)));
    }
  }
  return !interrupted_;
}

bool SharedWork::Finish() {
  if (interrupted_) GoOn();  // the last that has come
  if (ranks_.link() == nullptr) return !interrupted_;
  return WaitFor(interrupted_, [this] {
    GoOn();
    return ranks_.first() ? left_ == 0 : ranks_.link()->Delivered();
  });
}

}  // namespace dcp::tools
