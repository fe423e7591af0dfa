// The tokenizer of a model's directory, as far as a run needs one.
#ifndef DCP_TOOLS_COMMON_MODEL_TOKENIZER_H_
#define DCP_TOOLS_COMMON_MODEL_TOKENIZER_H_

#include <optional>
#include <string>

#include "common/model_options.h"
#include "common/tool.h"
#include "dcp/error.h"
#include "dcp/model.h"
#include "dcp/tokenizer.h"

namespace dcp::tools {

class ModelTokenizer {
 public:
  // Shows what is odd about it; more tokens than the model has are worth a warning, since a text may well do without
  // them. Files that cannot be read are an error for a run that needs them, see Need().
  ModelTokenizer(const ModelSource& source, const Model& model, ToolIo& io);

  // Null where there are no files of a tokenizer, or none that can be read.
  const Tokenizer* get() const { return tokenizer_ ? &*tokenizer_ : nullptr; }

  // Throws dcp::Error: what reading the files gave, or (kInvalidArgument) that there are none, which `purpose` needs.
  const Tokenizer& Need(const std::string& purpose) const;

  // Warns of files that cannot be read, where the run does without them.
  void WarnOfDamage(ToolIo& io) const;

 private:
  std::string directory_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<Error> damage_;
};

}  // namespace dcp::tools

#endif  // DCP_TOOLS_COMMON_MODEL_TOKENIZER_H_
