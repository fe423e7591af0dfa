#include "dcp-finetune/memory.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace dcp::finetune {

void KeepFreedMemory([[maybe_unused]] char** argv) {
#ifdef __GLIBC__
  constexpr char kName[] = "GLIBC_TUNABLES";
  constexpr char kSettings[] =
      "glibc.malloc.mmap_threshold=8589934592"    // bytes: nothing is mapped by itself
      ":glibc.malloc.trim_threshold=17179869184"  // the heap does not shrink
      ":glibc.malloc.top_pad=268435456"           // and grows by this
      ":glibc.malloc.hugetlb=1";                  // madvise: pages of 2 MiB where the system has them
  const char* const given = getenv(kName);
  const std::string tunables = given == nullptr ? "" : given;
  if (tunables.find("glibc.malloc.") != std::string::npos) return;  // the user's, or the second start
  if (getauxval(AT_SECURE) != 0) return;                            // it would not keep them
  std::error_code unknown;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", unknown);  // by its name, for ps and top
  setenv(kName, (tunables.empty() ? kSettings : tunables + ":" + kSettings).c_str(), 1);
  if (!unknown) execv(program.c_str(), argv);
#endif
}

}  // namespace dcp::finetune
