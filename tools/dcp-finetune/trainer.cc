#include "dcp-finetune/trainer.h"

#include <algorithm>
#include <cmath>

#include "dcp-finetune/attention.h"
#include "dcp-finetune/evaluate.h"
#include "dcp-finetune/train_state.h"
#include "dcp/error.h"
#include "io/checkpoint.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;

Parameters MakeParameters(const RunPlan& plan) {
  const TrainOptions& o = plan.options;
  Parameters parameters = o.base.empty()
                              ? Parameters::Initialise(plan.config, o.interaction, o.seed, plan.device)
                              : Parameters::Load(o.base, o.adapter, plan.config, o.interaction, o.seed, plan.device);
  if (o.freeze_base) parameters.FreezeBase();
  return parameters;
}

std::unique_ptr<const Parameters> LoadTeacher(const RunPlan& plan) {
  const std::string& teacher = plan.options.teacher;
  if (teacher.empty()) return nullptr;
  return std::make_unique<const Parameters>(
      Parameters::Load(teacher, {}, Checkpoint::Open(teacher).config(), {}, 0, plan.device));
}

int64_t TokensOf(const TokenCorpus& corpus, const std::vector<size_t>& documents) {
  int64_t tokens = 0;
  for (const size_t document : documents) tokens += corpus.Length(document);
  return tokens;
}

void CheckEnough(const TrainingTexts& texts, const TrainOptions& o) {
  const bool shared = o.valid.empty() && o.held_out > 0;  // what is held out is missing from the rest
  const auto fail = [](const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); };
  const int64_t tokens = texts.Tokens() + static_cast<int64_t>(texts.division.train.size());  // each with end-of-text
  if (tokens <= o.context) {
    fail("the training documents have " + std::to_string(tokens) + " tokens" +
         (shared ? ", " + std::to_string(texts.HeldOutTokens()) + " are held out" : "") + ", one sequence needs " +
         std::to_string(o.context + 1) + ": give more text or a shorter --context" +
         (shared ? ", or --held-out 0, or --valid FILE" : ""));
  }
  const auto has_window = [&](size_t document) { return texts.held_out_corpus->Length(document) >= 2; };
  const std::vector<size_t>& held_out = texts.division.held_out;
  if (!held_out.empty() && std::none_of(held_out.begin(), held_out.end(), has_window)) {
    fail("the held-out documents have " + std::to_string(texts.HeldOutTokens()) +
         " tokens, too few to predict any: give " +
         (shared ? "--held-out 0, or --valid FILE" : "longer ones in --valid"));
  }
}

TrainingTexts OpenTexts(const RunPlan& plan, ThreadPool& pool) {
  const TrainOptions& o = plan.options;
  const auto open = [&](const std::vector<std::string>& paths) {
    const bool has_text = plan.end_of_text < plan.tokenizer.vocab_size();  // else the config alone knows the token
    const std::string_view end =
        has_text ? plan.tokenizer.TokenBytes(static_cast<TokenId>(plan.end_of_text)) : std::string_view();
    auto corpus = std::make_shared<TokenCorpus>(TokenCorpus::Open(paths, plan.tokenizer, pool, o.cache, end));
    const bool may_lack = plan.tokenizer.vocab_size() > plan.config.vocab_size;
    if (const int64_t highest = may_lack ? corpus->HighestId() : -1; highest >= plan.config.vocab_size) {
      throw Error(ErrorCode::kInvalidArgument, paths.front() + ": the texts need token " + std::to_string(highest) +
                                                   ", the model's vocab_size is " +
                                                   std::to_string(plan.config.vocab_size));
    }
    return corpus;
  };
  const auto corpus = open(o.data);
  TrainingTexts texts;
  texts.division = HoldOut(*corpus, o.valid.empty() ? o.held_out : 0, o.context);
  texts.corpus = corpus;
  texts.held_out_corpus = o.valid.empty() ? corpus : open(o.valid);
  for (size_t i = 0; !o.valid.empty() && i < texts.held_out_corpus->documents(); ++i) {
    texts.division.held_out.push_back(i);
  }
  CheckEnough(texts, o);
  return texts;
}

}  // namespace

int64_t TrainingTexts::Tokens() const { return TokensOf(*corpus, division.train); }

int64_t TrainingTexts::HeldOutTokens() const { return TokensOf(*held_out_corpus, division.held_out); }

Trainer::Trainer(const RunPlan& plan)
    : plan_(plan),
      options_(plan.options),
      pool_(plan.options.threads),
      exchange_(plan.options.exchange),
      parameters_(MakeParameters(plan)),
      teacher_(LoadTeacher(plan)),
      masks_(options_.mask.empty() ? std::vector<Tensor>()
                                   : PolicyMasks(options_.mask, plan.config.n_layer, options_.context, plan.device)),
      optimiser_(parameters_, options_.optimiser, exchange_),
      texts_(OpenTexts(plan, pool_)),
      stream_(*texts_.corpus, texts_.division.train, plan.end_of_text, options_.context, options_.seed) {
  if (plan.first_step > 0) LoadState(plan.state, parameters_, optimiser_);
}

Teacher Trainer::TeacherFor(const Tensor& ids) const {
  if (!teacher_) return {};
  torch::NoGradGuard no_grad;
  ForwardOptions dense;
  dense.compute = plan_.compute;
  const Tensor hidden = Forward(*teacher_, ids, dense).hidden;
  return {hidden.view({-1, hidden.size(2)}), teacher_->Output(), options_.distill_share};
}

// Forward and backward of one part of the step; gradients add up, weighted so that they end as the step's mean.
double Trainer::Accumulate(const Tensor& batch, const ForwardOptions& forward, double& r_sparse) {
  const int64_t context = options_.context;
  const double parts = static_cast<double>(options_.accumulate);
  const Tensor ids = batch.slice(1, 0, context).contiguous().to(plan_.device);
  const Tensor targets = batch.slice(1, 1, context + 1).contiguous().view({-1}).to(plan_.device);
  const Teacher teacher = TeacherFor(ids);
  const ForwardResult result = Forward(parameters_, ids, forward);
  const Tensor hidden = result.hidden.view({-1, result.hidden.size(2)});
  const Tensor loss = LmLoss(hidden, parameters_.Output(), targets, teacher, plan_.compute);
  Tensor total = loss;
  if (plan_.pruning()) {
    r_sparse += SparsityLoss(result.kept).item<double>() / parts;
    total = total + WeightedSparsityLoss(result.kept, options_.gamma);
  }
  (total / parts).backward();
  return loss.item<double>() / parts;
}

// Gradients and the step's numbers become the mean over all processes.
void Trainer::AverageOverProcesses(StepResult& result) {
  if (exchange_.processes() == 1) return;
  for (int g = 0; g < kParameterGroups; ++g)
    exchange_.Average(parameters_.FlatGradient(static_cast<ParameterGroup>(g)));
  Tensor report = torch::tensor({result.loss, result.r_sparse, result.stop ? 1.0 : 0.0}, torch::kDouble);
  exchange_.Average(report);
  result.loss = report[0].item<double>();
  result.r_sparse = report[1].item<double>();
  result.stop = report[2].item<double>() > 0;
}

StepResult Trainer::Step(int64_t step, bool stop) {
  StepResult result;
  result.stop = stop;
  const SigmoidTable sigmoid = plan_.pruning() ? SigmoidTable(options_.alpha.At(step)) : SigmoidTable::Hard();
  ForwardOptions forward;
  forward.masks = masks_;
  forward.compute = plan_.compute;
  if (plan_.pruning()) {
    result.alpha = sigmoid.alpha();
    result.r_sparse = 0;
    forward.sigmoid = &sigmoid;
  }
  parameters_.ZeroGradients();
  const int64_t share = options_.batch / exchange_.processes();
  for (int64_t part = 0; part < options_.accumulate; ++part) {
    const int64_t first = (step * options_.accumulate + part) * options_.batch + exchange_.rank() * share;
    result.loss += Accumulate(stream_.Read(first, share), forward, result.r_sparse);
  }
  AverageOverProcesses(result);
  if (!std::isfinite(result.loss)) {
    throw Error(ErrorCode::kInternal,
                "step " + std::to_string(step) + ": the loss is not finite; lower the learning rate");
  }
  result.gradient_norm = ClipGradients(parameters_, options_.clip);
  const double rate = options_.schedule.At(step);
  result.lr = rate * options_.optimiser.lr;
  optimiser_.Step(step, rate);
  return result;
}

tools::Json Trainer::Evaluate(int64_t limit, const std::function<void()>& between) {
  const int64_t stride = std::max<int64_t>(options_.context / 2, 1);
  const TokenCorpus& corpus = *texts_.held_out_corpus;
  const std::vector<tools::Window> windows =
      CutWindows(corpus, texts_.division.held_out, options_.context, stride, limit);
  if (windows.empty()) return tools::Json::object();
  const int64_t batch = std::max<int64_t>(options_.batch / exchange_.processes(), 1);
  const auto evaluate = [&](const ForwardOptions& forward) {
    return ToJson(finetune::Evaluate(parameters_, corpus, windows, batch, forward, between));
  };
  ForwardOptions forward;
  forward.compute = plan_.compute;
  tools::Json json = {{"context", options_.context}, {"stride", stride}, {"windows", windows.size()}};
  json["dense"] = evaluate(forward);
  const SigmoidTable hard = SigmoidTable::Hard();
  if (plan_.pruning()) {
    forward.sigmoid = &hard;
    json["pruned"] = evaluate(forward);
  }
  if (!masks_.empty()) {
    forward.masks = masks_;
    json["masked"] = evaluate(forward);
  }
  return json;
}

void Trainer::Save(int64_t finished_steps) {
  if (exchange_.rank() != 0) return;
  std::vector<NamedTensor> tensors;
  for (const Parameter& p : parameters_.all()) {
    if (plan_.target.adapter_only && p.group != ParameterGroup::kInteraction) continue;
    tensors.push_back(ToSave(p.name, p.value, p.role, plan_.target.type));
  }
  // The state first: of a run that is killed between the two, --resume goes on, and a model without a state would be
  // somebody else's.
  SaveState(plan_.state, finished_steps, parameters_, optimiser_);
  SaveModel(plan_.target, plan_.config, tensors);
}

}  // namespace dcp::finetune
