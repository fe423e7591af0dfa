#include "dcp-serve/options.h"

#include "common/option_group.h"
#include "common/schedule_options.h"

namespace dcp::tools {

void AddServeOptions(CLI::App& app, ServeOptions& options) {
  AddModelOptions(app, options.model);
  const OptionGroup text(app, "Prompts");
  AddNoSpecial(text, options.special);
  AddBos(text, options.special, "every prompt");
  const OptionGroup http(app, "Server");
  http("--host", options.host, "Address to listen at; default: 127.0.0.1, this machine alone; 0.0.0.0: everybody",
       "ADDRESS", ReadNonEmpty);
  http("--port", options.port, "Port; default: 8080; 0: any free one, which the first line of output tells", "N",
       Between(0, 65535));
  http("--api-key-file", options.api_key_file,
       "Keys of those who may ask, one a line, sent as Authorization: Bearer KEY; default: everybody may", "FILE",
       ReadNonEmpty);
  http("--served-name", options.served_name, "The model's name in answers; default: its folder", "NAME", ReadNonEmpty);
  const OptionGroup queue(app, "Scheduling");
  AddKvBudget(queue, options.kv_budget, "1G");
  AddSpool(queue, options.spool);
  queue("--max-running", options.max_running, "Sequences decoded together at most; default: 64", "N", AtLeast(1));
  queue("--queue", options.queue, "Requests that wait; one more is answered 429; default: 256", "N", AtLeast(1));
  AddPromptTokens(queue, options.prompt_tokens);
  queue("--shared-prompts", options.shared_prompts,
        "Beginnings of prompts that are kept for requests that begin alike; default: 16; 0: none", "N", AtLeast(0));
  const OptionGroup limits(app, "Limits");
  limits("--connections", options.connections, "Clients served at once, a thread each; default: 512", "N", AtLeast(1));
  limits("--max-body", options.max_body, "Largest body of a request, more is answered 413: 65536, 4M; default: 4M",
         "BYTES", ReadByteCount);
  limits("--deadline", options.deadline, "Seconds after which a request is ended; default: 0, none", "S", AtLeast(0.0));
  limits("--read-timeout", options.read_timeout, "Seconds that a client may be silent in a request; default: 10", "S",
         AtLeast(1));
  limits("--write-timeout", options.write_timeout,
         "Seconds that a client may leave its answer unread before the request is ended; default: 10", "S", AtLeast(1));
  limits("--drain", options.drain, "Seconds that running requests get to end after SIGTERM; default: 30", "S",
         AtLeast(0.0));
}

}  // namespace dcp::tools
