#include "dcp-serve/metrics.h"

#include <algorithm>

#include "common/format.h"

namespace dcp::tools {
namespace {

class Page {
 public:
  void Gauge(const char* name, const char* help, double value) { One(name, help, "gauge", value); }
  void Counter(const char* name, const char* help, double value) { One(name, help, "counter", value); }

  void Histogram(const char* name, const char* help, const LatencyHistogram& histogram) {
    Head(name, help, "histogram");
    int64_t below = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      below += histogram.counts[i];
      text_ += Format("%s_bucket{le=\"%g\"} %lld\n", name, LatencyHistogram::kBounds[i], static_cast<long long>(below));
    }
    text_ += Format("%s_bucket{le=\"+Inf\"} %lld\n", name, static_cast<long long>(histogram.count));
    text_ += Format("%s_sum %.9g\n%s_count %lld\n", name, histogram.sum, name, static_cast<long long>(histogram.count));
  }

  std::string Take() { return std::move(text_); }

 private:
  void Head(const char* name, const char* help, const char* type) {
    text_ += Format("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
  }
  void One(const char* name, const char* help, const char* type, double value) {
    Head(name, help, type);
    text_ += Format("%s %.15g\n", name, value);
  }

  std::string text_;
};

}  // namespace

std::string MetricsText(const SchedulerStats& stats, int layers) {
  Page page;
  const auto number = [](auto value) { return static_cast<double>(value); };
  page.Gauge("dcp_requests_waiting", "Requests in the queue.", stats.waiting);
  page.Gauge("dcp_requests_running", "Requests that are read or decoded.", stats.running);
  page.Gauge("dcp_requests_set_aside", "Requests whose cache waits in ordinary memory or in a file.", stats.set_aside);
  page.Gauge("dcp_sequences_running", "Sequences in the cache.", stats.sequences);
  page.Gauge("dcp_kv_live_bytes", "K, V and interaction keys of the kept tokens.", number(stats.cache.live_bytes));
  page.Gauge("dcp_kv_reserved_bytes", "Memory that the KV cache holds.", number(stats.cache.reserved_bytes));
  page.Gauge("dcp_kv_dense_bytes", "What a dense cache of the same tokens would need.",
             number(stats.cache.dense_bytes));
  page.Gauge("dcp_kv_budget_bytes", "The most that the KV cache may hold; 0: no limit.", number(stats.kv_budget_bytes));
  page.Gauge("dcp_kv_reserved_peak_bytes", "The most that the KV cache ever held.",
             number(stats.kv_reserved_peak_bytes));
  page.Gauge("dcp_kv_set_aside_bytes", "Cache content that waits in ordinary memory.", number(stats.set_aside_bytes));
  page.Gauge("dcp_kv_spooled_bytes", "Cache content that waits in the file of --spool.", number(stats.spooled_bytes));
  const double seen = number(stats.cache.seen_tokens) * layers;
  page.Gauge("dcp_tokens_kept", "Tokens kept by the sequences in the cache, summed over layers.",
             number(stats.cache.kept_slots));
  page.Gauge("dcp_tokens_dropped", "Tokens dropped by the sequences in the cache, summed over layers.",
             std::max(0.0, seen - number(stats.cache.kept_slots)));
  page.Counter("dcp_tokens_kept_total", "Tokens that finished requests kept to their ends, summed over layers.",
               number(stats.kept_slots_done));
  page.Counter("dcp_tokens_dropped_total", "Tokens that finished requests dropped, summed over layers.",
               number(stats.seen_slots_done - stats.kept_slots_done));
  page.Counter("dcp_requests_total", "Requests taken.", number(stats.submitted));
  page.Counter("dcp_requests_refused_total", "Requests refused because the queue was full.", number(stats.refused));
  page.Counter("dcp_requests_finished_total", "Requests that came to their ends.", number(stats.finished));
  page.Counter("dcp_requests_cancelled_total", "Requests that were cancelled.", number(stats.cancelled));
  page.Counter("dcp_requests_failed_total", "Requests that ended with an error.", number(stats.failed));
  page.Counter("dcp_prompt_tokens_total", "Prompt tokens read.", number(stats.prompt_tokens));
  page.Counter("dcp_prompt_tokens_shared_total", "Prompt tokens that had been read before.",
               number(stats.shared_prompt_tokens));
  page.Counter("dcp_prompt_shared_hits_total", "Requests with such tokens.", number(stats.shared_prompt_hits));
  page.Counter("dcp_generated_tokens_total", "Tokens made.", number(stats.generated_tokens));
  page.Counter("dcp_set_aside_total", "Times that a request was set aside.", number(stats.times_set_aside));
  page.Counter("dcp_spool_failures_total", "Times that the file could not take it.", number(stats.spool_failures));
  page.Counter("dcp_steps_total", "Steps of the scheduler.", number(stats.steps));
  page.Counter("dcp_busy_seconds_total", "Seconds in steps.", stats.busy_seconds);
  page.Histogram("dcp_time_to_first_token_seconds", "From arrival to the first token.", stats.time_to_first_token);
  page.Histogram("dcp_between_tokens_seconds", "Between two tokens of a sequence.", stats.between_tokens);
  page.Histogram("dcp_step_seconds", "Of a step.", stats.step);
  return page.Take();
}

}  // namespace dcp::tools
