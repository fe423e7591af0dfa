// Version of the headers. Version() is that of the library linked in.
//
// While MAJOR is 0, a new MINOR may change anything and a new PATCH mends without changing interface or ABI; from 1.0
// on, MAJOR changes what breaks programs, MINOR adds (docs/api.md). A program may run with a library of its own
// MAJOR.MINOR.
#ifndef DCP_VERSION_H_
#define DCP_VERSION_H_

#include <string_view>

#include "dcp/export.h"

// The three numbers, which the preprocessor can compare.
#define DCP_VERSION_MAJOR 0
#define DCP_VERSION_MINOR 1  // see above
#define DCP_VERSION_PATCH 0  // see above

namespace dcp {

// "MAJOR.MINOR.PATCH". Thread-safe.
DCP_EXPORT std::string_view Version();

}  // namespace dcp

#endif  // DCP_VERSION_H_
