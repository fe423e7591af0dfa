// RankLink over MPI: a module that the tools load when a launcher started them.
// The C interface alone: that of C++ was taken out of MPI long ago.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <list>
#include <stdexcept>

#include "common/ranks/rank_link.h"

namespace dcp::tools {
namespace {

constexpr int kTag = 1;

class MpiLink final : public RankLink {
 public:
  MpiLink() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm local;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &local);
    MPI_Comm_size(local, &local_size_);
    MPI_Comm_free(&local);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_size() const override { return local_size_; }

  void Send(int to, std::string_view message) override {
    if (message.size() > INT_MAX) throw std::length_error("a message between ranks is longer than 2 GiB");
    Outgoing& out = outgoing_.emplace_back(Outgoing{std::string(message), MPI_REQUEST_NULL});
    MPI_Isend(out.message.data(), static_cast<int>(out.message.size()), MPI_BYTE, to, kTag, MPI_COMM_WORLD,
              &out.request);
  }

  std::optional<std::string> Receive(int from) override {
    Delivered();  // what is on its way moves on
    int there = 0, size = 0;
    MPI_Status status;
    MPI_Iprobe(from < 0 ? MPI_ANY_SOURCE : from, kTag, MPI_COMM_WORLD, &there, &status);
    if (there == 0) return std::nullopt;
    MPI_Get_count(&status, MPI_BYTE, &size);
    std::string message(static_cast<size_t>(size), '\0');
    MPI_Recv(message.data(), size, MPI_BYTE, status.MPI_SOURCE, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return message;
  }

  bool Delivered() override {
    outgoing_.remove_if([](Outgoing& out) {
      int done = 0;
      MPI_Test(&out.request, &done, MPI_STATUS_IGNORE);
      return done != 0;
    });
    return outgoing_.empty();
  }

  void Finish() override {
    // A barrier that does not spin: somebody may still work for a long time.
    MPI_Request all;
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    for (int done = 0; done == 0; usleep(2000)) MPI_Test(&all, &done, MPI_STATUS_IGNORE);
    MPI_Finalize();
  }

  [[noreturn]] void Abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

 private:
  struct Outgoing {
    std::string message;
    MPI_Request request;
  };

  int rank_ = 0, size_ = 1, local_size_ = 1;
  std::list<Outgoing> outgoing_;  // a place must not move while MPI reads it
};

}  // namespace
}  // namespace dcp::tools

extern "C" __attribute__((visibility("default"))) dcp::tools::RankLink* dcp_join_run(std::string* why) {
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    *why = "MPI_Init failed";
    return nullptr;
  }
  return new dcp::tools::MpiLink;
}
