// The sparse sigmoid (alpha-sigmoid) of dynamic context pruning, in double precision.
//
//   sigma_a(s) = argmax over p in [0, 1] of  p*s + H_a(p),     H_a the Tsallis entropy of (p, 1-p)
//
// which is the inverse of  s(p) = (p^(a-1) - (1-p)^(a-1)) / (a-1), cut to 0 below -1/(a-1) and to 1 above 1/(a-1).
// a = 1 is the logistic sigmoid; as a grows it hardens towards the step function that inference uses.
#ifndef DCP_SPARSE_SIGMOID_H_
#define DCP_SPARSE_SIGMOID_H_

#include "dcp/export.h"

namespace dcp {

// The curve at one s.
struct SparseSigmoidPoint {
  double p = 0;           // sigma_a(s)
  double complement = 1;  // 1 - p, accurate also where p rounds to 1
  double derivative = 0;  // dp/ds = 1 / (p^(a-2) + (1-p)^(a-2)); 0 where p is cut to 0 or 1
};

// Pure functions, safe to call from any thread. All throw Error(kInvalidArgument) when `alpha` is below 1 or either
// argument is NaN, SparseSigmoidInverse also when p is outside [0, 1].
//
// Closed forms at a = 1, 1.5, 2 and 3, a bracketed Newton iteration elsewhere; the error of p is below 1e-12 relative
// to the smaller of p and 1 - p, or what rounding s makes of it where the curve is steep.
DCP_EXPORT SparseSigmoidPoint EvaluateSparseSigmoid(double s, double alpha);

// sigma_a(s) alone.
DCP_EXPORT double SparseSigmoid(double s, double alpha);

// dp/ds alone.
DCP_EXPORT double SparseSigmoidDerivative(double s, double alpha);

// s(p). Infinite at p = 0 and p = 1 for alpha = 1, the ends of the support otherwise.
DCP_EXPORT double SparseSigmoidInverse(double p, double alpha);

// 1/(alpha - 1), infinite for alpha = 1: sigma_a is 0 from -support down and 1 from support up.
DCP_EXPORT double SparseSigmoidSupport(double alpha);

}  // namespace dcp

#endif  // DCP_SPARSE_SIGMOID_H_
