#include "common/ranks/run_on_ranks.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <thread>

#include "common/ranks/ranks.h"
#include "dcp/error.h"

namespace dcp::tools {
namespace {

constexpr char kModule[] = "libdcp-mpi.so";

// What rank 0 gets to end the run for a reason that all have, so that it is said once; and to keep what it was given.
constexpr std::chrono::milliseconds kAfterFirst(1500);

// Standard input: rank 0 reads all of it, when it is wanted, for all.
class SharedInput final : public std::streambuf {
 public:
  SharedInput(std::istream& in, const std::atomic<bool>& interrupted) : in_(in), interrupted_(interrupted) {}

 protected:
  int_type underflow() override {
    if (read_) return traits_type::eof();
    read_ = true;
    if (Ranks::Ours().first()) text_.assign(std::istreambuf_iterator<char>(in_), {});
    Ranks::Ours().Share(text_, interrupted_);
    setg(text_.data(), text_.data(), text_.data() + text_.size());
    return text_.empty() ? traits_type::eof() : traits_type::to_int_type(text_[0]);
  }

 private:
  std::istream& in_;
  const std::atomic<bool>& interrupted_;
  std::string text_;
  bool read_ = false;
};

// Beside the tool where it was built, in the folder of libraries where it was installed.
std::string ModulePath() {
  std::error_code none;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
  for (const auto& path : {folder / kModule, folder / DCP_BIN_TO_LIB / kModule}) {
    if (std::filesystem::exists(path, none)) return path;
  }
  return "";
}

std::unique_ptr<RankLink> JoinLaunched(int launched) {
  const std::string by = "started as one of " + (launched > 1 ? std::to_string(launched) : "several") + " processes";
  const auto fail = [&](const std::string& why) { throw Error(ErrorCode::kInvalidArgument, by + ": " + why); };
  const std::string path = ModulePath();
  if (path.empty()) fail("this build has no MPI component (" + std::string(kModule) + "), see docs/scale.md");
  // RTLD_GLOBAL: the parts that an MPI library loads in turn look for its symbols.
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (module == nullptr) fail(dlerror());
  const auto join = reinterpret_cast<JoinRun*>(dlsym(module, kJoinRun));
  if (join == nullptr) fail(dlerror());
  std::string why;
  std::unique_ptr<RankLink> link(join(&why));
  if (link == nullptr) fail(path + ": " + why);
  if (launched > 1 && link->size() != launched) {
    fail("MPI knows of " + std::to_string(link->size()) +
         ": the launcher belongs to another MPI than this build (srun: --mpi=pmix)");
  }
  return link;
}

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// Rank 1 and following. Their progress and their warnings are rank 0's as well.
int RunOther(int (*tool)(std::span<const std::string>, ToolIo&), const std::string& name,
             std::span<const std::string> args, ToolIo& io) {
  std::ostringstream out, err;
  ToolIo quiet{io.in, out, err, io.interrupted};
  const int status = tool(args, quiet);
  if (status == kExitDone) return status;
  std::this_thread::sleep_for(kAfterFirst);
  std::string line = LastLine(err.str());
  if (line.starts_with(name + ": ")) line.erase(0, name.size() + 2);
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  io.err << name << ": rank " << Ranks::Ours().rank() << " on " << host << ": " << line << '\n' << std::flush;
  return status;
}

}  // namespace

int LaunchedProcesses(const char* (*get)(const char* name)) {
  const auto number = [get](const char* name) {
    const char* const text = get(name);
    return text != nullptr ? std::atoi(text) : 0;
  };
  for (const char* const size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const int processes = number(size); processes > 0) return processes > 1 ? processes : 0;
  }
  // Slurm sets SLURM_NTASKS in batch scripts as well, where nothing was launched yet; a step says how many it has.
  if (const int tasks = number("SLURM_STEP_NUM_TASKS"); tasks > 0) return tasks > 1 ? tasks : 0;
  return get("PMIX_RANK") != nullptr ? -1 : 0;
}

int RunOnRanks(int (*tool)(std::span<const std::string>, ToolIo&), const char* name, std::span<const std::string> args,
               ToolIo& io) {
  const int launched = LaunchedProcesses([](const char* variable) -> const char* { return std::getenv(variable); });
  if (launched == 0) return tool(args, io);
  Ranks& ranks = Ranks::Ours();
  int status = RunGuarded(name, io, [&] {
    ranks.Join(JoinLaunched(launched));
    return kExitDone;
  });
  if (status != kExitDone) return status;
  SharedInput buffer(io.in, io.interrupted);
  std::istream in(&buffer);
  in.exceptions(std::ios::badbit);  // what the buffer throws goes through
  ToolIo shared{in, io.out, io.err, io.interrupted, io.err_is_terminal, io.out_is_terminal};
  status = ranks.first() ? tool(args, shared) : RunOther(tool, name, args, shared);
  io.out.flush();
  if (status != kExitDone) ranks.link()->Abort(status);
  ranks.link()->Finish();
  return status;
}

}  // namespace dcp::tools
