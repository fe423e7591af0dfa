// Everything that libdcp offers. See README.md for a first program.
#ifndef DCP_DCP_H_
#define DCP_DCP_H_

#include "dcp/drop_log.h"
#include "dcp/error.h"
#include "dcp/eviction_policy.h"
#include "dcp/export.h"
#include "dcp/generate.h"
#include "dcp/kv_cache.h"
#include "dcp/logits_processor.h"
#include "dcp/model.h"
#include "dcp/model_config.h"
#include "dcp/prompt_state.h"
#include "dcp/sampler.h"
#include "dcp/scheduler.h"
#include "dcp/session.h"
#include "dcp/simd.h"
#include "dcp/sparse_sigmoid.h"
#include "dcp/thread_pool.h"
#include "dcp/tokenizer.h"
#include "dcp/types.h"
#include "dcp/version.h"
#include "dcp/warnings.h"

#endif  // DCP_DCP_H_
