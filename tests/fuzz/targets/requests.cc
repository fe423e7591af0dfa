// Lines of JSON, as dcp-generate --input reads them, or a list of ids (--prompt-ids), and in half of the cases the
// requests run on a small model.
#include <atomic>
#include <sstream>
#include <string>
#include <vector>

#include "common/id_list.h"
#include "common/model_tokenizer.h"
#include "dcp-generate/prompts.h"
#include "dcp/dcp.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/small_model.h"

namespace {

using namespace dcp;
using namespace dcp::tools;

// Of what runs. More is as good as this, and takes longer.
constexpr size_t kMostRequests = 4;
constexpr int kMostSequences = 8;
constexpr int kMostTokens = 48;

struct Setting {
  std::shared_ptr<const Model> model = fuzz::SmallModel();
  ThreadPool pool{1};
  Session session{model, pool};
};

void Run(Setting& setting, const std::vector<ToolRequest>& read) {
  std::vector<GenerateRequest> requests;
  for (const ToolRequest& request : read) {
    const GenerateOptions& options = request.request.options;
    if (requests.size() == kMostRequests || options.samples > kMostSequences || options.num_beams > kMostSequences)
      break;
    requests.push_back(request.request);
    requests.back().options.max_new_tokens = std::min(options.max_new_tokens, kMostTokens);
  }
  const GenerateResult result = Generate(setting.session, requests, {}, &fuzz::SmallTokenizer());
  fuzz::Require(setting.session.cache().Sequences().empty(), "no sequence is left");
  for (const GeneratedSequence& sequence : result.sequences) {
    const GenerateOptions& options = requests[sequence.request].options;
    if (sequence.finish_reason == FinishReason::kError) {
      fuzz::CheckMessage(ErrorCode::kInvalidArgument, sequence.error);
    } else if (options.continuations.empty()) {
      fuzz::Require(sequence.generated_ids.size() <= static_cast<size_t>(options.max_new_tokens),
                    "no more than asked for");
    }
    for (const std::string& stop : options.stop) {
      fuzz::Require(sequence.text.find(stop) == std::string::npos, "no stop text is shown");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Setting setting;
  if (size == 0) return 0;
  const std::string_view text = fuzz::AsText(data + 1, size - 1);
  if (data[0] % 16 == 15) {
    fuzz::Accepts([&] { (void)ParseIdList(text, "prompt 0"); });
    return 0;
  }
  const std::atomic<bool> interrupted = false;
  std::istringstream in{std::string(text)};
  std::ostringstream out, err;
  ToolIo io{in, out, err, interrupted};
  static const ModelTokenizer tokenizer({fuzz::SmallTokenizerDirectory().string(), ""}, *setting.model, io);
  GenerateToolOptions options;
  options.source.jsonl = "-";
  options.special.bos = (data[0] & 2) != 0;
  options.special.no_special = (data[0] & 4) != 0;
  std::vector<ToolRequest> requests;
  fuzz::Accepts([&] { requests = ReadRequests(options, *setting.model, tokenizer, nullptr, io); });
  for (const ToolRequest& request : requests) {
    if (!request.request.error.empty()) fuzz::CheckMessage(ErrorCode::kInvalidArgument, request.request.error);
  }
  if ((data[0] & 1) != 0 && !requests.empty()) Run(setting, requests);
  return 0;
}
