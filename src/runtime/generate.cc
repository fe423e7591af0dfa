#include "dcp/generate.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "dcp/error.h"
#include "runtime/request.h"
#include "runtime/running_request.h"

namespace dcp {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

void CheckBatch(int max_batch) {
  if (max_batch >= 0) return;
  throw Error(ErrorCode::kInvalidArgument, "max_batch: " + std::to_string(max_batch) + " is not 0 or more");
}

class Generation {
 public:
  Generation(Session& session, const BatchOptions& options, const Tokenizer* tokenizer, const TokenCallback& on_token)
      : session_(session), options_(options), output_(session, tokenizer, on_token) {}

  GenerateResult Run(std::span<const GenerateRequest> requests) {
    for (size_t i = 0; i < requests.size(); ++i) Place(requests[i], i);
    while (!output_.cancelled() && (next_ < waiting_.size() || !running_.empty())) {
      if (const size_t joining = Joining(); joining > 0) {
        Join(joining);
      } else {
        Step();
      }
      Retire();
    }
    for (const auto& running : running_) running->Cancel();
    Retire();
    for (; next_ < waiting_.size(); ++next_) CancelWaiting(waiting_[next_]);
    GenerateResult result = std::move(output_.result());
    result.stats.sparsity = output_.MeanSparsity();
    return result;
  }

 private:
  // Makes room for the request's answers; what cannot run has its answer then.
  void Place(const GenerateRequest& request, size_t index) {
    RequestPlace place{&request, index, output_.AddSequences(request, index, request.prompt), {}};
    try {
      if (!request.error.empty()) throw Error(ErrorCode::kInvalidArgument, request.error);
      CheckRequest(request, session_, output_.tokenizer());
      place.prompt = PreparePrompt(request, session_.model().config());
    } catch (const Error& error) {
      for (size_t s = 0; s < ResultCount(request.options); ++s) output_.Fail(place.first + s, error.what());
      return;
    }
    for (size_t s = 0; s < ResultCount(request.options); ++s)
      output_.sequence(place.first + s).prompt_ids = place.prompt;
    waiting_.push_back(std::move(place));
  }

  void CancelWaiting(const RequestPlace& place) {
    for (size_t s = 0; s < ResultCount(place.request->options); ++s) {
      output_.sequence(place.first + s).finish_reason = FinishReason::kCancelled;
    }
  }

  // How many requests to prefill in one call: as many as there is room for and as fill a pass, so that the callback is
  // asked now and then.
  size_t Joining() const {
    const auto rows = static_cast<size_t>(session_.options().max_rows);
    size_t width = 0;
    for (const auto& running : running_) width += running->width();
    size_t count = 0;
    for (size_t tokens = 0; next_ + count < waiting_.size(); ++count) {
      const RequestPlace& place = waiting_[next_ + count];
      width += WidthOf(place.request->options);
      const bool alone = running_.empty() && count == 0;
      if (options_.max_batch > 0 && width > static_cast<size_t>(options_.max_batch) && !alone) break;
      tokens += place.prompt.size();
      if (count > 0 && tokens > rows) break;
    }
    return count;
  }

  // Prefills the next requests and chooses their first tokens.
  void Join(size_t count) {
    std::vector<FeedItem> items;
    running_.reserve(running_.size() + count);
    for (size_t i = 0; i < count; ++i) {
      const RequestPlace& place = waiting_[next_ + i];
      const PromptState* start = place.request->start;
      Add(place, start != nullptr ? session_.Clone(start->sequence) : session_.Add(place.request->policy), items);
    }
    const Clock::time_point begin = Clock::now();
    const Logits logits = items.empty() ? Logits() : session_.Prefill(items);
    output_.result().stats.prefill_seconds += Seconds(begin, Clock::now());
    const size_t old = running_.size() - count;
    for (size_t i = 0, row = 0; i < count; ++i) {
      const RequestPlace& place = waiting_[next_ + i];
      const PromptState* start = place.request->start;
      const bool read = start != nullptr && start->ids.size() == place.prompt.size();
      running_[old + i]->Begin(read ? std::span<const float>(start->logits) : logits.row(row++));
    }
    next_ += count;
    for (size_t i = 0; i < count; ++i) running_[old + i]->Report();
  }

  // Puts a request in the batch; what is left of its prompt is to be fed.
  void Add(const RequestPlace& place, SequenceId id, std::vector<FeedItem>& items) {
    try {
      running_.push_back(MakeRunningRequest(output_, place, id));
    } catch (...) {
      session_.Finish(id);
      throw;
    }
    const size_t read = place.request->start != nullptr ? place.request->start->ids.size() : 0;
    if (read < place.prompt.size()) items.push_back({id, std::span(place.prompt).subspan(read)});
    output_.result().stats.prefill_tokens += static_cast<int64_t>(place.prompt.size() - read);
  }

  // One step of everything that runs: decodes what goes on, reads what is given.
  void Step() {
    if (options_.go_on && !options_.go_on()) return output_.Cancel();
    rows_.Clear();
    decoding_.clear();
    reading_.clear();
    for (const auto& running : running_) {
      const size_t reads = rows_.read_rows, decodes = rows_.sequences.size();
      running->AddRows(rows_);
      if (rows_.read_rows > reads) {
        reading_.push_back({running.get(), reads});
      } else if (rows_.sequences.size() > decodes) {
        decoding_.push_back({running.get(), decodes});
      }
    }
    if (!decoding_.empty()) Decode();
    if (!reading_.empty()) Read();
    for (const auto& running : running_) running->Report();
  }

  void Decode() {
    GenerateStats& stats = output_.result().stats;
    const Clock::time_point begin = Clock::now();
    const Logits logits = session_.Decode(rows_.sequences, rows_.tokens);
    for (const auto& [running, first] : decoding_) running->Choose(logits, first);
    const double seconds = Seconds(begin, Clock::now());
    stats.decode_seconds += seconds;
    stats.decode_step_seconds.push_back(seconds);
    stats.decode_tokens += static_cast<int64_t>(rows_.sequences.size());
  }

  void Read() {
    GenerateStats& stats = output_.result().stats;
    const Clock::time_point begin = Clock::now();
    const Logits logits = session_.Prefill(rows_.read);
    for (const auto& [running, first] : reading_) running->Choose(logits, first);
    stats.prefill_seconds += Seconds(begin, Clock::now());
    for (const FeedItem& item : rows_.read) stats.prefill_tokens += static_cast<int64_t>(item.tokens.size());
  }

  void Retire() {
    const auto has_finished = [](const auto& running) { return running->HasFinished(); };
    if (std::none_of(running_.begin(), running_.end(), has_finished)) return;
    output_.result().stats.cache = session_.cache().Stats();
    for (const auto& running : running_) {
      if (running->HasFinished()) running->Release();
    }
    std::erase_if(running_, [](const auto& running) { return running->done(); });
  }

  struct RowsOf {
    RunningRequest* running;
    size_t first;
  };

  Session& session_;
  const BatchOptions& options_;
  GenerationOutput output_;
  std::vector<RequestPlace> waiting_;  // those that can run
  size_t next_ = 0;                    // the first of them that has not joined
  std::vector<std::unique_ptr<RunningRequest>> running_;
  StepRows rows_;
  std::vector<RowsOf> decoding_, reading_;
};

// Throws what is wrong with the first request that cannot run.
void CheckAll(const Session& session, std::span<const GenerateRequest> requests, const Tokenizer* tokenizer) {
  const ModelConfig& config = session.model().config();
  for (size_t i = 0; i < requests.size(); ++i) {
    CheckRequest(requests[i], session, tokenizer);
    try {
      PreparePrompt(requests[i], config);
    } catch (const Error& error) {
      throw Error(error.code(), "prompt " + std::to_string(i) + ": " + error.what());
    }
  }
}

}  // namespace

std::string_view ToString(FinishReason reason) {
  switch (reason) {
    case FinishReason::kLength:
      return "length";
    case FinishReason::kEos:
      return "eos";
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kContext:
      return "context";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "?";
}

GenerateResult Generate(Session& session, std::span<const GenerateRequest> requests, const BatchOptions& options,
                        const Tokenizer* tokenizer, const TokenCallback& on_token) {
  CheckBatch(options.max_batch);
  return Generation(session, options, tokenizer, on_token).Run(requests);
}

GenerateResult Generate(Session& session, std::span<const std::vector<TokenId>> prompts, const GenerateOptions& options,
                        const Tokenizer* tokenizer, const TokenCallback& on_token, const BatchOptions& batch) {
  std::vector<GenerateRequest> requests(prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    requests[i].prompt = prompts[i];
    requests[i].options = options;
    requests[i].stream = i;
  }
  CheckAll(session, requests, tokenizer);
  return Generate(session, requests, batch, tokenizer, on_token);
}

}  // namespace dcp
