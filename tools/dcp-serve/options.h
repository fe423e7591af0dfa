// What dcp-serve is asked to do.
#ifndef DCP_TOOLS_DCP_SERVE_OPTIONS_H_
#define DCP_TOOLS_DCP_SERVE_OPTIONS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "common/model_options.h"
#include "common/schedule_options.h"
#include "common/text_options.h"

namespace CLI {
class App;
}  // namespace CLI

namespace dcp::tools {

struct ServeOptions {
  ModelToolOptions model;
  TextOptions special;

  std::string host = "127.0.0.1";
  int port = 8080;                          // 0: any
  std::optional<std::string> api_key_file;  // a key a line; absent: everybody may ask
  std::optional<std::string> served_name;   // absent: the model's folder

  size_t kv_budget = size_t{1} << 30;  // bytes
  SpoolOptions spool;
  int max_running = 64;
  int queue = 256;  // requests that wait
  int prompt_tokens = 256;
  int shared_prompts = 16;

  int connections = 512;
  size_t max_body = size_t{4} << 20;  // bytes
  double deadline = 0;                // seconds of a request; 0: none
  int read_timeout = 10;              // seconds that a client may be silent in a request
  int write_timeout = 10;             // seconds that it may leave an answer unread
  double drain = 30;                  // seconds that requests get after SIGTERM
};

void AddServeOptions(CLI::App& app, ServeOptions& options);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_SERVE_OPTIONS_H_
