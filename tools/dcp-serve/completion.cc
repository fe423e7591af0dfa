#include "dcp-serve/completion.h"

#include <utility>

#include "dcp-serve/api/api_error.h"

namespace dcp::tools {
namespace {

std::string EventOf(const Json& document) {
  std::string text = Dump(document);  // a line
  return "data: " + text + "\n";
}

}  // namespace

Completion::Completion(CompletionRequest request, CompletionHead head, Engine& engine)
    : request_(std::move(request)), head_(std::move(head)), engine_(engine) {
  choices_.resize(request_.prompts.size() * static_cast<size_t>(request_.samples()));
  begun_.resize(request_.prompts.size(), false);
  for (Choice& choice : choices_) {
    if (request_.options.logprobs) {
      choice.logprobs = std::make_unique<LogprobsList>(engine_.tokenizer(), *request_.options.logprobs);
    }
  }
}

Completion::~Completion() { Abandon(); }

void Completion::Abandon() {
  for (const RequestId id : ids_) engine_.scheduler().Cancel(id);
  ids_.clear();
}

void Completion::Start(double deadline_seconds) {
  running_ = request_.prompts.size();
  const std::weak_ptr<Completion> self = weak_from_this();
  for (size_t i = 0; i < request_.prompts.size(); ++i) {
    GenerateRequest request;
    request.prompt = request_.prompts[i];
    request.options = request_.options;
    request.policy = request_.policy;
    request.stream = i;
    ScheduleOptions how;
    how.deadline_seconds = deadline_seconds;
    if (request_.echo) how.prompt_logprobs = request_.options.logprobs;
    how.on_prompt = [self, i](std::span<const GeneratedLogprobs> logprobs) {
      if (const auto completion = self.lock()) completion->AddPrompt(i, logprobs);
    };
    how.on_token = [self, i](const GeneratedToken& token) {
      const auto completion = self.lock();
      if (completion != nullptr) completion->AddToken(i, token);
      return completion != nullptr;
    };
    how.on_done = [self, i](ScheduledResult result) {
      if (const auto completion = self.lock()) completion->AddResult(i, std::move(result));
    };
    try {
      const auto id = engine_.scheduler().Submit(std::move(request), std::move(how));
      if (!id) throw ApiError(429, "the queue is full: try again later", "queue_full");
      ids_.push_back(*id);
    } catch (const Error& error) {
      const ApiError api = ToApiError(error);
      throw ApiError(api.status(),
                     (request_.prompts.size() > 1 ? "prompt " + std::to_string(i) + ": " : "") + api.what(),
                     api.code());
    }
  }
}

bool Completion::Wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  return news_.wait_for(lock, most, [&] { return !events_.empty() || running_ == 0; });
}

bool Completion::over() {
  const std::lock_guard lock(mutex_);
  return running_ == 0 && events_.empty() && (ended_ || !request_.stream);
}

void Completion::AddEvent(Json choice) {
  events_ += EventOf(CompletionDocument(head_, Json::array({std::move(choice)}), nullptr));
}

// The prompt is the beginning of the answer where it is echoed, a chunk of its own in a stream.
void Completion::BeginChoices(size_t prompt, std::span<const GeneratedLogprobs> prompt_logprobs) {
  if (begun_[prompt]) return;
  begun_[prompt] = true;
  if (!request_.echo) return;
  const auto& ids = request_.prompts[prompt];
  const std::string text = engine_.tokenizer() != nullptr ? engine_.tokenizer()->Decode(ids) : "";
  for (int s = 0; s < request_.samples(); ++s) {
    Choice& choice = choices_[IndexOf(prompt, static_cast<size_t>(s))];
    if (choice.logprobs != nullptr) {
      for (size_t t = 0; t < ids.size(); ++t) {
        choice.logprobs->Add(ids[t], t > 0 && t <= prompt_logprobs.size() ? &prompt_logprobs[t - 1] : nullptr);
      }
    }
    choice.text = text;
    if (!request_.stream) continue;
    ChoicePiece piece{static_cast<int>(IndexOf(prompt, static_cast<size_t>(s))), text, {}, "", {}};
    if (choice.logprobs != nullptr) piece.logprobs = choice.logprobs->Take();
    AddEvent(ChoiceEntry(std::move(piece)));
  }
}

void Completion::AddPrompt(size_t prompt, std::span<const GeneratedLogprobs> logprobs) {
  const std::lock_guard lock(mutex_);
  BeginChoices(prompt, logprobs);
  news_.notify_all();
}

void Completion::AddToken(size_t prompt, const GeneratedToken& token) {
  if (!request_.stream || request_.nothing_new) return;
  const std::lock_guard lock(mutex_);
  BeginChoices(prompt, {});
  const size_t index = IndexOf(prompt, token.sequence);
  Choice& choice = choices_[index];
  ChoicePiece piece{static_cast<int>(index), std::string(token.text), {}, "", {}};
  if (choice.logprobs != nullptr && token.logprobs != nullptr) {
    choice.logprobs->Add(token.id, token.logprobs);
    piece.logprobs = choice.logprobs->Take();
  }
  if (request_.return_drops && token.id >= 0) {
    Json drops = Json::array();
    for (const LayerDrop& drop : token.drops) drops.push_back(Json::array({drop.layer, drop.position}));
    piece.dcp =
        Json{{"id", token.id}, {"token", TokenText(token.id, engine_.tokenizer())}, {"drops", std::move(drops)}};
  }
  if (piece.text.empty() && piece.logprobs.is_null() && piece.dcp.is_null()) return;
  AddEvent(ChoiceEntry(std::move(piece)));
  news_.notify_all();
}

void Completion::AddResult(size_t prompt, ScheduledResult result) {
  const std::lock_guard lock(mutex_);
  usage_.prompt_tokens += result.prompt_tokens;
  usage_.shared_tokens += result.shared_prompt_tokens;
  BeginChoices(prompt, result.prompt_logprobs);
  for (size_t s = 0; s < result.sequences.size(); ++s) {
    GeneratedSequence& sequence = result.sequences[s];
    const size_t index = IndexOf(prompt, s);
    Choice& choice = choices_[index];
    choice.reason = request_.nothing_new ? FinishReason::kLength : sequence.finish_reason;
    if (sequence.finish_reason == FinishReason::kError && error_.empty()) {
      error_ = sequence.error;
      error_status_ = error_.rfind("deadline", 0) == 0 ? 504 : error_.rfind("kv_budget", 0) == 0 ? 400 : 500;
    }
    if (sequence.finish_reason == FinishReason::kCancelled && error_.empty()) {
      error_ = "the server is shutting down";
      error_status_ = 503;
    }
    if (!request_.nothing_new) {
      usage_.completion_tokens += sequence.generated_ids.size();
      if (!request_.stream) {
        choice.text += sequence.text;
        if (choice.logprobs != nullptr) {
          for (size_t t = 0; t < sequence.logprobs.size(); ++t) {
            choice.logprobs->Add(sequence.generated_ids[t], &sequence.logprobs[t]);
          }
        }
      }
    }
    if (!request_.stream || !error_.empty()) continue;
    AddEvent(ChoiceEntry({static_cast<int>(index), "", {}, FinishReasonOf(choice.reason), {}}));
  }
  --running_;
  if (running_ == 0 && request_.stream) {
    if (!error_.empty()) {
      events_ += EventOf(ErrorDocument(error_status_, error_));
    } else if (request_.include_usage) {
      events_ += EventOf(CompletionDocument(head_, Json::array(), &usage_));
    }
    events_ += "data: [DONE]\n\n";
    ended_ = true;
  }
  news_.notify_all();
}

std::string Completion::TakeEvents() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

Json Completion::Document() {
  const std::lock_guard lock(mutex_);
  if (!error_.empty()) throw ApiError(error_status_, error_);
  Json choices = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    Json logprobs;
    if (choice.logprobs != nullptr) logprobs = choice.logprobs->Take();
    choices.push_back(
        ChoiceEntry({static_cast<int>(i), choice.text, std::move(logprobs), FinishReasonOf(choice.reason), {}}));
  }
  return CompletionDocument(head_, std::move(choices), &usage_);
}

}  // namespace dcp::tools
