#include "dcp-generate/jobs.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "common/format.h"
#include "common/measure.h"
#include "common/progress.h"
#include "common/ranks/ranks.h"
#include "common/results_file.h"
#include "dcp-generate/scheduled.h"
#include "dcp/error.h"
#include "support/json.h"

namespace dcp::tools {
namespace {

constexpr double kFlushSeconds = 5.0;

size_t SamplesOf(const ToolRequest& request) {
  return static_cast<size_t>(std::max(1, request.request.options.samples));
}

// Tokens that a request can come to.
double MostTokens(const ToolRequest& request) {
  const GenerateOptions& options = request.request.options;
  return options.continuations.empty() ? static_cast<double>(options.samples) * options.max_new_tokens : 0.0;
}

// Which requests the lines of a file answer.
class DoneBefore {
 public:
  DoneBefore(std::string_view content, const std::string& path, const ReportContext& context)
      : lines_(context.requests.size(), 0) {
    for (int number = 1; !content.empty(); ++number) {
      const size_t end = content.find('\n');
      Read(content.substr(0, end), path + ":" + std::to_string(number), context);
      content.remove_prefix(end + 1);
    }
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i] < SamplesOf(context.requests[i])) left_.push_back(i);
    }
  }

  const std::vector<size_t>& left() const { return left_; }
  size_t done() const { return lines_.size() - left_.size(); }
  size_t failed() const { return failed_; }

 private:
  void Read(std::string_view line, const std::string& name, const ReportContext& context) {
    const nlohmann::json object = ParseJsonObject(line, name, ErrorCode::kInvalidArgument);
    const JsonReader fields(object, name, ErrorCode::kInvalidArgument);
    const auto index = fields["index"].Integer<size_t>();
    const auto ids = fields["prompt_ids"].Integers<TokenId>();
    if (index >= lines_.size()) {
      throw Error(ErrorCode::kInvalidArgument, name + ": index is " + std::to_string(index) + ", the input has " +
                                                   std::to_string(lines_.size()) + " requests: it is another one");
    }
    ++lines_[index];
    if (object.value("finish_reason", "") == "error") {
      ++failed_;
    } else if (ids != PreparePrompt(context.requests[index].request, context.session.model().config())) {
      throw Error(ErrorCode::kInvalidArgument,
                  name + ": its prompt is not that of " + context.requests[index].name + ": it is of another input");
    }
  }

  std::vector<size_t> lines_;  // by request
  std::vector<size_t> left_;
  size_t failed_ = 0;  // sequences
};

// Progress in tokens, where a request that ends early counts in full.
class JobProgress {
 public:
  JobProgress(const ReportContext& context, const DoneBefore& before, ToolIo& io)
      : requests_(context.requests), done_(before.done()) {
    double most = 0, begun = 0;
    for (const ToolRequest& request : requests_) most += MostTokens(request);
    begun = most;
    for (const size_t left : before.left()) begun -= MostTokens(requests_[left]);
    tokens_ = begun;
    made_.resize(requests_.size(), 0.0);
    progress_.emplace(io.err,
                      ProgressOptions{"generating", "tokens", std::max(1.0, most), io.err_is_terminal, {}, begun});
  }

  void Token(size_t request) {
    ++made_[request];
    Show(1);
  }
  void Done(size_t request) {
    ++done_;
    Show(MostTokens(requests_[request]) - made_[request]);
  }
  void Hide() { progress_->Hide(); }
  size_t done() const { return done_; }

 private:
  void Show(double more) {
    tokens_ += more;
    progress_->Update(tokens_, Format("%zu of %zu requests", done_, requests_.size()));
  }

  const std::vector<ToolRequest>& requests_;
  size_t done_;
  double tokens_ = 0;
  std::vector<double> made_;  // by request
  std::optional<Progress> progress_;
};

// What results come to.
struct JobCounts {
  size_t sequences = 0, failed = 0, tokens = 0;

  void operator+=(const JobCounts& more) {
    sequences += more.sequences;
    failed += more.failed;
    tokens += more.tokens;
  }
};

// What is to be known of a request that is done: its lines, and what to say and to count.
Json ResultOf(size_t request, std::vector<GeneratedSequence> results, const ReportContext& context) {
  std::string lines, error;
  JobCounts counts;
  for (GeneratedSequence& sequence : results) {
    sequence.request = request;
    lines += Dump(ResultLine(sequence, context));
    ++counts.sequences;
    counts.tokens += sequence.generated_ids.size();
    if (sequence.finish_reason != FinishReason::kError) continue;
    ++counts.failed;
    if (sequence.sample == 0) error = sequence.error;
  }
  return {{"lines", lines},
          {"error", error},
          {"sequences", counts.sequences},
          {"failed", counts.failed},
          {"tokens", counts.tokens}};
}

// Ranks that read other requests would answer them under wrong numbers.
void AgreeOnInput(const ReportContext& context, ToolIo& io) {
  if (Ranks::Ours().size() == 1) return;
  std::string all = std::to_string(context.session.model().fingerprint()) + context.session.policy().name();
  for (const ToolRequest& request : context.requests) {
    all += '\n' + std::to_string(request.request.options.max_new_tokens);
    for (const TokenId id : request.request.prompt) all += ' ' + std::to_string(id);
  }
  Ranks::Ours().AgreeOn("model and input", all, io.interrupted);
}

std::string Summary(const SchedulerStats& stats) {
  const double rate = stats.busy_seconds > 0 ? static_cast<double>(stats.generated_tokens) / stats.busy_seconds : 0;
  return Format("%lld tokens, %.1f tokens/s, %.1f sequences at once; KV cache at most %s, %lld times set aside\n",
                static_cast<long long>(stats.generated_tokens), rate,
                stats.busy_seconds > 0 ? stats.sequence_seconds / stats.busy_seconds : 0.0,
                HumanBytes(static_cast<double>(stats.kv_reserved_peak_bytes)).c_str(),
                static_cast<long long>(stats.times_set_aside));
}

std::string SharedSummary(const JobCounts& counts, double seconds) {
  return Format("%zu tokens, %.1f tokens/s on %d ranks\n", counts.tokens,
                seconds > 0 ? static_cast<double>(counts.tokens) / seconds : 0.0, Ranks::Ours().size());
}

}  // namespace

int RunJobs(const GenerateToolOptions& options, const ReportContext& context, Session& session, ToolIo& io) {
  Ranks& ranks = Ranks::Ours();
  std::optional<ResultsFile> file;  // of the first rank
  if (ranks.first()) file.emplace(*options.output, options.resume);
  const DoneBefore before(file ? file->content() : "", *options.output, context);
  AgreeOnInput(context, io);
  JobProgress progress(context, before, io);
  double flushed = SecondsNow();
  const double begun = flushed;
  JobCounts counts;
  const auto take = [&](size_t request, std::string_view result) {
    const Json json = ParseJson(result, "the result of a rank");
    counts += {json["sequences"], json["failed"], json["tokens"]};
    const std::string error = json["error"];
    if (!error.empty()) {
      progress.Hide();
      io.err << "dcp-generate: " << OneLine(context.requests[request].name + ": " + error, 1000) << '\n';
    }
    file->Append(json["lines"].get<std::string>());
    progress.Done(request);
    if (SecondsNow() - flushed < kFlushSeconds) return;
    file->Flush();
    flushed = SecondsNow();
  };
  SharedWork work(before.left(), take, io);
  ScheduledCallbacks callbacks;
  callbacks.on_token = [&](size_t request, const GeneratedToken& token) {
    if (token.id >= 0) progress.Token(request);
  };
  callbacks.on_done = [&](size_t request, std::vector<GeneratedSequence> results) {
    if (io.interrupted) return;  // it was cut short
    work.Give(request, Dump(ResultOf(request, std::move(results), context)));
  };
  callbacks.on_step = [&] { work.GoOn(); };
  const SchedulerStats stats = RunScheduled(MakeSchedulerOptions(options), session, context.requests, work.mine(),
                                            context.tokenizer, callbacks, io);
  const bool complete = work.Finish();
  if (!ranks.first()) return complete ? kExitDone : kExitInterrupted;
  file->Flush();
  progress.Hide();
  io.err << Format("%zu of %zu requests done; ", progress.done(), context.requests.size())
         << (ranks.size() > 1 ? SharedSummary(counts, SecondsNow() - begun) : Summary(stats)) << std::flush;
  if (!complete) {
    io.err << "dcp-generate: interrupted; --resume goes on with " << *options.output << '\n';
    return kExitInterrupted;
  }
  const size_t failed = counts.failed + before.failed();
  return failed > 0 && failed >= counts.sequences + before.failed() && before.done() <= before.failed() ? kExitUsage
                                                                                                        : kExitDone;
}

}  // namespace dcp::tools
