// The activations of the MLP by their literal definitions, in double precision.
#ifndef DCP_TESTS_REFERENCE_ACTIVATION_H_
#define DCP_TESTS_REFERENCE_ACTIVATION_H_

#include "dcp/types.h"

namespace dcp::reference {

inline constexpr Activation kActivations[] = {Activation::kIdentity,  Activation::kGeluTanh, Activation::kGelu,
                                              Activation::kQuickGelu, Activation::kSilu,     Activation::kRelu,
                                              Activation::kTanh};

double Activate(Activation activation, double x);

}  // namespace dcp::reference

#endif  // DCP_TESTS_REFERENCE_ACTIVATION_H_
