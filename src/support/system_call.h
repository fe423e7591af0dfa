// System calls that a signal has cut short.
#ifndef DCP_SUPPORT_SYSTEM_CALL_H_
#define DCP_SUPPORT_SYSTEM_CALL_H_

#include <cerrno>

namespace dcp {

// Makes a call until no signal interrupts it: for files, whose answer is never far. What waits for somebody - a pipe, a
// terminal - is to give up instead, so that Ctrl-C is heard. Returns what the call does; below 0 with errno set.
template <typename Call>
auto Uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace dcp

#endif  // DCP_SUPPORT_SYSTEM_CALL_H_
