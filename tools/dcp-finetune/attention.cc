#include "dcp-finetune/attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "dcp/error.h"

namespace dcp::finetune {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kCpuBlock = 64;      // queries; a head's weights of a block stay in the second-level cache
constexpr int64_t kDeviceBlock = 512;  // a device wants large products more than it minds some masked work

// Some sequences and some of their heads: views into the whole, so that threads can take a share each.
struct Share {
  Tensor q, k, v;  // [b, h, T, D]
  Tensor log_i;    // [b, T, T] or undefined
};

struct Geometry {
  int64_t heads, tokens, width;
  double scale;
  int64_t block;
};

Geometry GeometryOf(const Tensor& qkv, int64_t heads, double factor) {
  const int64_t width = qkv.size(2) / 3 / heads;
  return {heads, qkv.size(1), width, factor / std::sqrt(static_cast<double>(width)),
          qkv.is_cpu() ? kCpuBlock : kDeviceBlock};
}

// [b, h, T, D] of one of the three parts of qkv [b, T, 3C], without a copy.
Tensor Part(const Tensor& qkv, const Geometry& g, int64_t index) {
  const int64_t channels = g.heads * g.width;
  return qkv.slice(2, index * channels, (index + 1) * channels)
      .view({qkv.size(0), g.tokens, g.heads, g.width})
      .transpose(1, 2);
}

// [b, h, m, n] -> [b*h, m, n]; a view when b or h is 1, or on a contiguous tensor.
Tensor Merge(const Tensor& x) { return x.reshape({x.size(0) * x.size(1), x.size(2), x.size(3)}); }

Tensor DiagonalMask(int64_t size, const torch::TensorOptions& options) {
  return torch::full({size, size}, -std::numeric_limits<float>::infinity(), options.dtype(torch::kFloat)).triu(1);
}

// Attention weights [b*h, rows, end] of queries [begin, end) to keys [0, end).
Tensor Weights(const Share& share, const Geometry& g, int64_t begin, int64_t end, const Tensor& mask) {
  const int64_t b = share.q.size(0), h = share.q.size(1), rows = end - begin;
  const Tensor queries = Merge(share.q.slice(2, begin, end)), keys = Merge(share.k.slice(2, 0, end));
  Tensor logits = at::bmm(queries, keys.transpose(1, 2)).to(torch::kFloat);
  if (share.log_i.defined()) {
    const Tensor bias = share.log_i.slice(1, begin, end).slice(2, 0, end).unsqueeze(1);
    Tensor by_head = logits.view({b, h, rows, end});
    by_head.mul_(g.scale).add_(bias);
  } else {
    logits.mul_(g.scale).slice(2, begin, end).add_(mask.slice(0, 0, rows).slice(1, 0, rows));
  }
  return at::softmax(logits, -1);
}

// out [b, h, T, D].
void Forward(const Share& share, const Geometry& g, Tensor out) {
  const Tensor mask = share.log_i.defined() ? Tensor() : DiagonalMask(g.block, share.q.options());
  for (int64_t begin = 0; begin < g.tokens; begin += g.block) {
    const int64_t end = std::min(begin + g.block, g.tokens);
    const Tensor weights = Weights(share, g, begin, end, mask).to(out.scalar_type());
    Tensor to = out.slice(2, begin, end);
    to.copy_(at::bmm(weights, Merge(share.v.slice(2, 0, end))).view(to.sizes()));
  }
}

struct Gradients {
  Tensor q, k, v;  // [b, h, T, D] float
  Tensor log_i;    // [b, T, T] or undefined; zero on entry
};

void Backward(const Share& share, const Geometry& g, const Tensor& grad_out, Gradients& grads) {
  const Tensor mask = share.log_i.defined() ? Tensor() : DiagonalMask(g.block, share.q.options());
  const int64_t b = share.q.size(0), h = share.q.size(1);
  for (int64_t begin = 0; begin < g.tokens; begin += g.block) {
    const int64_t end = std::min(begin + g.block, g.tokens);
    const Tensor weights = Weights(share, g, begin, end, mask);
    const Tensor grad = Merge(grad_out.slice(2, begin, end));
    const auto add = [&](Tensor to, const Tensor& value) { to.add_(value.view(to.sizes())); };
    add(grads.v.slice(2, 0, end), at::bmm(weights.to(grad.scalar_type()).transpose(1, 2), grad));
    const Tensor grad_weights = at::bmm(grad, Merge(share.v.slice(2, 0, end)).transpose(1, 2)).to(torch::kFloat);
    Tensor grad_logits = at::_softmax_backward_data(grad_weights, weights, -1, torch::kFloat);
    if (grads.log_i.defined()) {
      grads.log_i.slice(1, begin, end).slice(2, 0, end).add_(grad_logits.view({b, h, end - begin, end}).sum(1));
    }
    grad_logits = grad_logits.mul_(g.scale).to(grad.scalar_type());
    grads.q.slice(2, begin, end)
        .copy_(at::bmm(grad_logits, Merge(share.k.slice(2, 0, end))).view({b, h, end - begin, g.width}));
    add(grads.k.slice(2, 0, end), at::bmm(grad_logits.transpose(1, 2), Merge(share.q.slice(2, begin, end))));
  }
}

Share TakeShare(const Tensor& qkv, const Tensor& log_i, const Geometry& g) {
  return {Part(qkv, g, 0), Part(qkv, g, 1), Part(qkv, g, 2), log_i};
}

// Sequences and heads that one thread, or the device, works on; `group` numbers the shares of a sequence.
struct Region {
  int64_t batch, batch_end, head, head_end, group;
};

Tensor Narrow(const Tensor& x, const Region& r) {
  return x.slice(0, r.batch, r.batch_end).slice(1, r.head, r.head_end);
}

Share Narrow(const Share& all, const Region& r) {
  return {Narrow(all.q, r), Narrow(all.k, r), Narrow(all.v, r),
          all.log_i.defined() ? all.log_i.slice(0, r.batch, r.batch_end) : Tensor()};
}

// The heads of a sequence are split into groups only when there are fewer sequences than threads.
int64_t HeadGroups(const Tensor& q) {
  if (!q.is_cpu() || q.size(0) >= at::get_num_threads()) return 1;
  return std::min<int64_t>(q.size(1), at::get_num_threads());
}

// Runs fn(region) on the threads, a sequence or some of its heads each; on a device at once for all.
template <typename Fn>
void ForEachRegion(const Tensor& q, const Fn& fn) {
  const int64_t batches = q.size(0), heads = q.size(1), groups = HeadGroups(q);
  if (!q.is_cpu()) return fn(Region{0, batches, 0, heads, 0});
  at::parallel_for(0, batches * groups, 1, [&](int64_t begin, int64_t end) {
    torch::NoGradGuard no_grad;  // this state belongs to a thread
    for (int64_t i = begin; i < end; ++i) {
      const int64_t batch = i / groups, group = i % groups;
      fn(Region{batch, batch + 1, group * heads / groups, (group + 1) * heads / groups, group});
    }
  });
}

// The gradient of qkv [B, T, 3C] and, when asked for, of log_i.
std::pair<Tensor, Tensor> BackwardOfAll(const Share& all, const Geometry& g, const Tensor& grad_out, bool log_i) {
  const int64_t batches = all.q.size(0), groups = HeadGroups(all.q);
  const torch::TensorOptions options = grad_out.options().dtype(torch::kFloat);
  const Tensor grad_qkv = torch::zeros({batches, g.tokens, 3 * g.heads * g.width}, options);
  const Tensor grad_log_i = log_i ? torch::zeros({groups, batches, g.tokens, g.tokens}, options) : Tensor();
  const Share targets = TakeShare(grad_qkv, Tensor(), g);
  ForEachRegion(all.q, [&](const Region& region) {
    const Share to = Narrow(targets, region);
    Gradients grads = {to.q, to.k, to.v, {}};
    if (log_i) grads.log_i = grad_log_i[region.group].slice(0, region.batch, region.batch_end);
    Backward(Narrow(all, region), g, Narrow(grad_out, region), grads);
  });
  if (!log_i) return {grad_qkv, Tensor()};
  return {grad_qkv, groups == 1 ? grad_log_i[0] : grad_log_i.sum(0)};
}

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  // No log_i is given as an empty one: autograd wants its inputs defined.
  static Tensor forward(AutogradContext* context, const Tensor& qkv_in, const Tensor& bias, int64_t heads,
                        double factor) {
    const Tensor qkv = qkv_in.contiguous();
    const Tensor log_i = bias.numel() > 0 ? bias : Tensor();
    const Geometry g = GeometryOf(qkv, heads, factor);
    const Share all = TakeShare(qkv, log_i, g);
    Tensor out = torch::empty({qkv.size(0), g.tokens, heads * g.width}, qkv.options());
    Tensor by_head = out.view({qkv.size(0), g.tokens, heads, g.width}).transpose(1, 2);
    ForEachRegion(all.q, [&](const Region& region) { Forward(Narrow(all, region), g, Narrow(by_head, region)); });
    context->saved_data["heads"] = heads;
    context->saved_data["factor"] = factor;
    context->saved_data["with_log_i"] = bias.requires_grad();
    context->save_for_backward({qkv, log_i});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grad_outputs) {
    const variable_list saved = context->get_saved_variables();
    const Tensor& qkv = saved[0];
    const Geometry g = GeometryOf(qkv, context->saved_data["heads"].toInt(), context->saved_data["factor"].toDouble());
    const Share all = TakeShare(qkv, saved[1], g);
    const Tensor grad_out =
        grad_outputs[0].contiguous().view({qkv.size(0), g.tokens, g.heads, g.width}).transpose(1, 2);
    const bool with_log_i = context->saved_data["with_log_i"].toBool();
    const auto [grad_qkv, grad_log_i] = BackwardOfAll(all, g, grad_out, with_log_i);
    return {grad_qkv.to(qkv.scalar_type()), grad_log_i, Tensor(), Tensor()};
  }
};

// Undefined where nothing is ever dropped.
Tensor RuleMask(const EvictionPolicy& rule, int64_t tokens, torch::Device device) {
  Tensor mask = torch::full({tokens, tokens}, -std::numeric_limits<float>::infinity());
  auto allowed = mask.accessor<float, 2>();
  bool drops = false;
  for (int64_t j = 0; j < tokens; ++j) {
    const int64_t end = std::min<int64_t>(tokens, rule.ExpiresAt(static_cast<int32_t>(j)));
    for (int64_t n = j; n < end; ++n) allowed[n][j] = 0;
    drops = drops || end < tokens;
  }
  return drops ? mask.to(device) : Tensor();
}

}  // namespace

Tensor CausalAttention(const Tensor& qkv, const Tensor& log_i, int64_t heads, double factor) {
  return AttentionFunction::apply(qkv, log_i.defined() ? log_i : torch::empty({0}, qkv.options()), heads, factor);
}

PolicySpec ParseMask(const std::string& policy, int layers) {
  const PolicySpec spec = ParsePolicy(policy);
  using Kind = PolicySpec::Kind;
  const bool fixed = !spec.Has(Kind::kLearned) && !spec.Has(Kind::kH2O);
  if (!fixed || (spec.kind == Kind::kDense && spec.others.empty())) {
    throw Error(ErrorCode::kInvalidArgument,
                "--mask \"" + policy + "\": expected window:N, sinks:S,N or strided:W,S, or a list of them by layers");
  }
  const int least = MakePolicy(spec, std::numeric_limits<int>::max())->LeastLayers();
  if (least > layers) {
    throw Error(ErrorCode::kInvalidArgument, "--mask \"" + policy + "\" names layer " + std::to_string(least - 1) +
                                                 ", the model has layers 0 to " + std::to_string(layers - 1));
  }
  return spec;
}

std::vector<Tensor> PolicyMasks(const std::string& policy, int layers, int64_t tokens, torch::Device device) {
  const auto policies = MakePolicy(ParseMask(policy, layers), static_cast<int>(tokens));
  std::map<const EvictionPolicy*, Tensor> masks;
  std::vector<Tensor> by_layer;
  for (int layer = 0; layer < layers; ++layer) {
    const EvictionPolicy& rule = policies->ForLayer(layer);
    const auto [found, is_new] = masks.try_emplace(&rule);
    if (is_new) found->second = RuleMask(rule, tokens, device);
    by_layer.push_back(found->second);
  }
  return by_layer;
}

}  // namespace dcp::finetune
