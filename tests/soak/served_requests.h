// Bodies for /v1/completions, and the texts that they have to be answered with.
#ifndef DCP_TESTS_SOAK_SERVED_REQUESTS_H_
#define DCP_TESTS_SOAK_SERVED_REQUESTS_H_

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/json.h"
#include "dcp/model.h"
#include "dcp/tokenizer.h"
#include "tests/soak/random_requests.h"

namespace dcp::soak {

// From any thread.
class ServedRequests {
 public:
  ServedRequests(const std::string& model, uint64_t seed, size_t kinds);

  size_t kinds() const { return entries_.size(); }
  const tools::Json& Body(size_t kind) const { return entries_[kind].body; }
  // The text of each choice when it runs alone, as dcp-generate would give it.
  const std::vector<std::string>& Alone(size_t kind);

 private:
  struct Entry {
    tools::Json body;
    std::once_flag once;
    std::vector<std::string> texts;
  };

  std::shared_ptr<const Model> model_;
  Tokenizer tokenizer_;
  std::deque<Entry> entries_;
};

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_SERVED_REQUESTS_H_
