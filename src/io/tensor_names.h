// The names of a GPT-2's tensors as programs save them, and the ones that libdcp uses.
#ifndef DCP_IO_TENSOR_NAMES_H_
#define DCP_IO_TENSOR_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

namespace dcp {

// Takes off what stands before "wte.weight", "h.0.ln_1.weight" and so on: modules around the model ("transformer.",
// "gpt2.", "pretrained_model.transformer.", ..), and what torch.compile, DataParallel and FSDP put anywhere
// ("_orig_mod.", "module.", ..). Made from all names of a checkpoint, because what stands before "wte.weight" is the
// prefix of all.
class TensorNames {
 public:
  // `source` begins messages. Throws Error(kInvalidModel) when there is no GPT-2 among the names, or more than one.
  TensorNames(const std::vector<std::string>& names, const std::string& source);

  // "pretrained_model.transformer.h.0.ln_1.weight" -> "h.0.ln_1.weight", "pretrained_model.lm_head.weight" ->
  // "lm_head.weight". A name of something beside the model keeps what cannot be told to be a prefix.
  std::string Canonical(std::string_view name) const;

  // What stood before "wte.weight", without what may stand anywhere; "" and "transformer." are Hugging Face's own.
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

}  // namespace dcp

#endif  // DCP_IO_TENSOR_NAMES_H_
