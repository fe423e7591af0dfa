// How the processes of one run reach each other. The one implementation, over MPI, is a module of its own, so that the
// tools start without MPI, and run where there is none.
#ifndef DCP_TOOLS_COMMON_RANKS_RANK_LINK_H_
#define DCP_TOOLS_COMMON_RANKS_RANK_LINK_H_

#include <optional>
#include <string>
#include <string_view>

namespace dcp::tools {

// Used by one thread. Nothing waits but Finish: who waits looks again after a while, and leaves the processor to those
// who work.
class RankLink {
 public:
  virtual ~RankLink() = default;

  virtual int rank() const = 0;        // 0 .. size() - 1
  virtual int size() const = 0;        // processes of the run
  virtual int local_size() const = 0;  // of them, those on this machine

  // Takes a message to its way. Messages from one rank to another arrive in their order.
  virtual void Send(int to, std::string_view message) = 0;
  // The next message that has arrived from `from`, or from anybody (-1); nothing where there is none yet.
  virtual std::optional<std::string> Receive(int from) = 0;
  // Whether everything that was sent has been taken.
  virtual bool Delivered() = 0;

  // Leaves the run, once all ranks do.
  virtual void Finish() = 0;
  // Ends all ranks at once.
  [[noreturn]] virtual void Abort(int status) = 0;
};

// What the module exports: joins the run that the launcher began. Null where that fails, with the reason in `why`.
inline constexpr char kJoinRun[] = "dcp_join_run";
using JoinRun = RankLink*(std::string* why);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RANKS_RANK_LINK_H_
