// The one exception type that libdcp throws of itself. The library never prints, aborts or exits. std::bad_alloc comes
// through from calls that do not name Error(kOutOfMemory).
#ifndef DCP_ERROR_H_
#define DCP_ERROR_H_

#include <stdexcept>
#include <string>

#include "dcp/export.h"

namespace dcp {

// What kind of error it is: what a program can decide upon. The message is for people.
enum class ErrorCode {
  kInvalidArgument,  // a value passed by the caller cannot be used (token id out of range, bad policy, ...)
  kInvalidModel,     // a file of a checkpoint is malformed, or two of them disagree
  kIo,               // a file cannot be opened, read or written
  kContextFull,      // more than P positions were asked of a sequence
  kOutOfMemory,      // the system refused memory
  kInternal,         // a bug in libdcp
};

// what() is one line that names the file or argument, the field and both values, e.g.
//   "m/model.safetensors: tensor h.3.attn.q_int.weight is [64, 512], config says [64, 768]".
class DCP_EXPORT Error : public std::runtime_error {
 public:
  // `message`: one line, as above; may be empty.
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  // Does not throw.
  Error(const Error&) = default;
  // Does not throw.
  Error& operator=(const Error&) = default;
  ~Error() override;

  // The kind of error.
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace dcp

#endif  // DCP_ERROR_H_
