// A file of results to which lines are added, by one process at a time.
#ifndef DCP_TOOLS_COMMON_RESULTS_FILE_H_
#define DCP_TOOLS_COMMON_RESULTS_FILE_H_

#include <string>
#include <string_view>

namespace dcp::tools {

class ResultsFile {
 public:
  // Opens the file, which must be empty or new unless `resume`. A last line that is not whole, of a run that was killed
  // while it wrote, is cut off. Throws dcp::Error(kIo) when it cannot be opened, or another process has it,
  // Error(kInvalidArgument) when it holds results and they are not to be gone on with.
  ResultsFile(const std::string& path, bool resume);
  ~ResultsFile();
  ResultsFile(const ResultsFile&) = delete;
  ResultsFile& operator=(const ResultsFile&) = delete;

  // What it held when it was opened: whole lines.
  const std::string& content() const { return content_; }

  // Writes whole lines at its end, all or none of them. Throws dcp::Error(kIo).
  void Append(std::string_view lines);

  // Makes sure that the disk has them. Throws dcp::Error(kIo).
  void Flush();

 private:
  [[noreturn]] void Fail(int error) const;
  void CutOff(size_t bytes) const;

  std::string path_;
  int file_ = -1;
  std::string content_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_RESULTS_FILE_H_
