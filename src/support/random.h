// A hash of one number: the basis of everything random here, so that randomness is an argument and never a state.
#ifndef DCP_SUPPORT_RANDOM_H_
#define DCP_SUPPORT_RANDOM_H_

#include <cstdint>

namespace dcp {

// The increment of splitmix64: odd, with bits all over.
inline constexpr uint64_t kGoldenGamma = 0x9E3779B97F4A7C15u;

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection in which every input bit changes about half of the
// output. Mix(state += kGoldenGamma) is splitmix64.
inline uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace dcp

#endif  // DCP_SUPPORT_RANDOM_H_
