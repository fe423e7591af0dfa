// The document of dcp-inspect --stats --json.
#ifndef DCP_TOOLS_DCP_INSPECT_STATS_DOCUMENT_H_
#define DCP_TOOLS_DCP_INSPECT_STATS_DOCUMENT_H_

#include "common/json.h"
#include "dcp-inspect/stats/results.h"

namespace dcp::tools {

// {"version": 1, "model", "policy", "windows", "context", "horizon", "ages", "layers": [LAYER..], "all_layers": LAYER};
// LAYER is {"drop_rate", "mean_lifetime", "survival": [..by age], "by_class", "by_frequency", "by_position":
// [{"name", "tokens", "drop_rate", "mean_lifetime"}], "droppers": [{"name", "share", "per_token"}], "top_droppers":
// [{"token", "seen", "drops"}], "stop_words_minus_content", "punctuation_minus_content"}.
// Every estimate is [value, low, high] with a 95 % interval; null where there was nothing to measure.
Json StatsDocument(const CorpusReport& report);

}  // namespace dcp::tools

#endif  // DCP_TOOLS_DCP_INSPECT_STATS_DOCUMENT_H_
