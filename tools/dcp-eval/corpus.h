// The texts that dcp-eval scores are read as every tool reads them.
#ifndef DCP_TOOLS_DCP_EVAL_CORPUS_H_
#define DCP_TOOLS_DCP_EVAL_CORPUS_H_

#include "common/corpus.h"

#endif  // DCP_TOOLS_DCP_EVAL_CORPUS_H_
