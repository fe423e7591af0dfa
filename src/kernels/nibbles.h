// Weights rounded to 4 bits, a block of a panel at a time.
#ifndef DCP_KERNELS_NIBBLES_H_
#define DCP_KERNELS_NIBBLES_H_

#include <cstddef>

#include "kernels/packed_matrix.h"

namespace dcp {

// One block of a panel as it is given: [input][output].
using FloatBlock = float[kQuantBlock][kPanel];

// Writes kNibbleBlockBytes to `block`, laid out as PackedMatrix says. For each output, the scale of several tried whose
// sum of squared errors is least: the same on every instruction set, bit for bit. Weights that are integers from -8 to
// 7 times a half, a -8 among them, are held exactly; what is beyond 8 times the largest half becomes that.
void PackNibbles(const FloatBlock& x, std::byte* block);

}  // namespace dcp

#endif  // DCP_KERNELS_NIBBLES_H_
