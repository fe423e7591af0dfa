#include "dcp-eval/scoring/blocks.h"

#include <string>
#include <utility>

#include "common/ranks/ranks.h"
#include "common/table.h"
#include "support/hash.h"

namespace dcp::tools {
namespace {

uint64_t HashOf(std::span<const TokenId> ids, uint64_t hash) {
  hash = FnvStep(hash, ids.size());
  for (const TokenId id : ids) hash = FnvStep(hash, static_cast<uint64_t>(id));
  return hash;
}

uint64_t HashOf(std::span<const Document> documents, std::span<const Window> windows) {
  uint64_t hash = kFnvBasis;
  for (const Window& window : windows) {
    for (const size_t value : {window.first_scored - window.begin, window.fed()}) hash = FnvStep(hash, value);
    hash = HashOf(std::span(documents[window.document].ids).subspan(window.begin, window.length()), hash);
  }
  return hash;
}

uint64_t HashOf(std::span<const Question> questions) {
  uint64_t hash = kFnvBasis;
  for (const Question& question : questions) {
    hash = HashOf(question.context, hash);
    for (const auto& continuation : question.continuations) hash = HashOf(continuation, hash);
  }
  return hash;
}

Json ToJson(const ScoredWindows& scored) {
  Json windows = Json::array();
  for (const WindowScore& score : scored.windows) {
    Json at = Json::array();
    for (const auto& sparsity : score.sparsity_at) at.push_back(OrNull(sparsity));
    windows.push_back({{"nll", score.nll}, {"sparsity", score.sparsity}, {"sparsity_at", at}, {"kept", score.kept}});
  }
  return {{"windows", windows},
          {"kv_bytes_reserved", scored.peak_reserved_bytes},
          {"kv_bytes_dense", scored.peak_dense_bytes}};
}

void FromJson(const Json& json, std::span<WindowScore> scores, ScoredWindows& all) {
  for (size_t i = 0; i < scores.size(); ++i) {
    const Json& one = json.at("windows").at(i);
    WindowScore& score = scores[i];
    one.at("nll").get_to(score.nll);
    one.at("sparsity").get_to(score.sparsity);
    one.at("kept").get_to(score.kept);
    for (size_t k = 0; k < score.sparsity_at.size(); ++k) {
      const Json& at = one.at("sparsity_at").at(k);
      if (!at.is_null()) score.sparsity_at[k] = at.get<double>();
    }
    score.done = true;
  }
  all.peak_reserved_bytes = std::max(all.peak_reserved_bytes, json.at("kv_bytes_reserved").get<size_t>());
  all.peak_dense_bytes = std::max(all.peak_dense_bytes, json.at("kv_bytes_dense").get<size_t>());
}

Json ToJson(const QuestionScores& scores) {
  Json questions = Json::array();
  for (const auto& continuations : scores) {
    Json& question = questions.emplace_back(Json::array());
    for (const ContinuationScore& score : continuations) {
      question.push_back({{"nll", score.nll},
                          {"token_nll", score.token_nll},
                          {"greedy", score.greedy},
                          {"sparsity", score.sparsity},
                          {"fed", score.fed}});
    }
  }
  return {{"questions", questions}};
}

QuestionScores QuestionsFromJson(const Json& json) {
  QuestionScores scores;
  for (const Json& question : json.at("questions")) {
    auto& continuations = scores.emplace_back();
    for (const Json& one : question) {
      ContinuationScore& score = continuations.emplace_back();
      one.at("nll").get_to(score.nll);
      one.at("token_nll").get_to(score.token_nll);
      one.at("greedy").get_to(score.greedy);
      one.at("sparsity").get_to(score.sparsity);
      one.at("fed").get_to(score.fed);
    }
  }
  return scores;
}

}  // namespace

void AddResume(const OptionGroup& add, std::optional<std::string>& file) {
  add("--resume", file, "Keep what is done in this file, and do not do again what it holds", "FILE");
}

bool RunBlocks(const BlockedWork& work, ResultStore& store, Progress& progress, ToolIo& io) {
  Ranks& ranks = Ranks::Ours();
  ranks.AgreeOn("model, text and options", work.identity.dump(), io.interrupted);
  std::vector<size_t> missing;
  std::vector<double> units(work.blocks);
  double done = 0;
  const auto take = [&](size_t block, const Json& result) {
    done += units[block];
    try {
      work.take(block, result);
    } catch (const Json::exception& error) {
      RejectInput("a kept result cannot be read: " + std::string(error.what()));
    }
  };
  for (size_t block = 0; block < work.blocks; ++block) {
    units[block] = work.units(block);
    const Json* const kept = ranks.first() && store ? store.Find(work.key(block)) : nullptr;
    if (kept != nullptr) {
      take(block, *kept);
    } else {
      missing.push_back(block);
    }
  }
  const auto received = [&](size_t block, std::string_view text) {
    Json result = ParseJson(text, "the result of a rank");
    take(block, result);
    if (store) store.Add(work.key(block), std::move(result));
  };
  SharedWork shared(std::move(missing), received, io);
  for (const size_t block : shared.mine()) {
    const auto result = work.work(block, [&](double units_done) {
      progress.Update(done + units_done);
      return shared.GoOn();
    });
    if (!result) break;
    shared.Give(block, Dump(*result));
    progress.Update(done);
  }
  return shared.Finish();
}

Json ScoringKey(const Session& session, float threshold) {
  const Model& model = session.model();
  return {{"model", model.fingerprint()},
          {"weights", ToString(model.weight_type())},
          {"kv", ToString(session.options().kv_type)},
          {"prefill_chunk", session.options().prefill_chunk},
          {"policy", session.policy().name()},
          {"threshold", ShortestDouble(threshold)},
          {"kept", session.options().record_drops}};
}

BlockScores ScoreWindows(const ScoringPlan& plan, std::span<const Document> documents, std::span<const Window> windows,
                         ResultStore& store, Progress& progress, ToolIo& io) {
  BlockScores all;
  all.windows.resize(windows.size());
  const BlockCut cut{windows.size(), kBatchesPerBlock * plan.batch};
  const auto tokens = [&](size_t block) {
    size_t sum = 0;
    for (const Window& window : cut.Of(windows, block)) sum += window.fed();
    return sum;
  };
  bool measured = false;
  const auto key = [&](std::span<const Window> some) {
    Json whole = plan.key;
    whole["batch"] = plan.batch;  // of peak bytes
    whole["text"] = HashOf(documents, some);
    return whole;
  };
  BlockedWork work;
  work.blocks = cut.count();
  if (Ranks::Ours().size() > 1) work.identity = key(windows);
  work.units = [&](size_t block) { return static_cast<double>(tokens(block)); };
  work.key = [&](size_t block) { return key(cut.Of(windows, block)); };
  work.work = [&](size_t block, const BlockedWork::GoOn& go_on) -> std::optional<Json> {
    measured = true;
    const auto some = cut.Of(windows, block);
    Session session = plan.make_session();
    WindowScorer scorer(session, plan.pool, plan.batch);
    ScoredWindows scored = scorer.Score(documents, some, [&](size_t fed) { return go_on(static_cast<double>(fed)); });
    if (std::all_of(scored.windows.begin(), scored.windows.end(), [](const auto& one) { return one.done; })) {
      return ToJson(scored);
    }
    all.fed_tokens += scored.fed_tokens;
    all.peak_reserved_bytes = std::max(all.peak_reserved_bytes, scored.peak_reserved_bytes);
    all.peak_dense_bytes = std::max(all.peak_dense_bytes, scored.peak_dense_bytes);
    std::move(scored.windows.begin(), scored.windows.end(),
              all.windows.begin() + static_cast<std::ptrdiff_t>(block * cut.each));
    return std::nullopt;
  };
  work.take = [&](size_t block, const Json& result) {
    FromJson(result, std::span(all.windows).subspan(block * cut.each, cut.Of(windows, block).size()), all);
    all.fed_tokens += tokens(block);
    if (!measured) all.kept_tokens += tokens(block);
  };
  RunBlocks(work, store, progress, io);
  return all;
}

std::vector<QuestionScores> ScoreQuestions(size_t plans, const std::function<ScoringPlan(size_t plan)>& plan,
                                           size_t batch, std::span<const Question> questions, const Json& identity,
                                           ResultStore& store, Progress& progress, ToolIo& io) {
  const BlockCut cut{questions.size(), kBatchesPerBlock * batch};
  const size_t each = cut.count();  // blocks of a plan
  std::vector<std::optional<QuestionScores>> done(plans * each);
  std::optional<ScoringPlan> current;
  size_t current_plan = 0;
  const auto plan_of = [&](size_t block) -> const ScoringPlan& {
    if (!current || current_plan != block / each) current.emplace(plan(current_plan = block / each));
    return *current;
  };
  BlockedWork work;
  work.blocks = done.size();
  if (Ranks::Ours().size() > 1) work.identity = {{"what", identity}, {"text", HashOf(questions)}};
  work.units = [&](size_t block) {
    return static_cast<double>(ContinuationScorer::TokensToFeed(cut.Of(questions, block % each)));
  };
  work.key = [&](size_t block) {
    Json key = plan_of(block).key;
    key["text"] = HashOf(cut.Of(questions, block % each));
    return key;
  };
  work.work = [&](size_t block, const BlockedWork::GoOn& go_on) -> std::optional<Json> {
    const ScoringPlan& how = plan_of(block);
    const auto some = cut.Of(questions, block % each);
    Session session = how.make_session();
    ContinuationScorer scorer(session, how.pool, how.batch);
    QuestionScores scores = scorer.Score(some, [&](size_t fed) { return go_on(static_cast<double>(fed)); });
    if (scores.size() == some.size()) return ToJson(scores);
    done[block] = std::move(scores);
    return std::nullopt;
  };
  work.take = [&](size_t block, const Json& result) { done[block] = QuestionsFromJson(result); };
  RunBlocks(work, store, progress, io);
  std::vector<QuestionScores> all(plans);
  for (size_t block = 0; block < done.size(); ++block) {
    QuestionScores& scores = all[block / each];
    const bool follows = scores.size() == block % each * cut.each;  // nothing is missing before it
    if (done[block] && follows) std::move(done[block]->begin(), done[block]->end(), std::back_inserter(scores));
  }
  return all;
}

}  // namespace dcp::tools
