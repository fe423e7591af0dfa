// Sessions, schedulers and requests of all kinds, drawn from a seed.
#ifndef DCP_TESTS_SOAK_RANDOM_REQUESTS_H_
#define DCP_TESTS_SOAK_RANDOM_REQUESTS_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "dcp/generate.h"
#include "dcp/model.h"
#include "dcp/scheduler.h"
#include "dcp/session.h"

namespace dcp::soak {

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  // 0 .. end-1.
  int Below(int end) { return static_cast<int>(random_() % static_cast<uint64_t>(end)); }
  bool OneIn(int n) { return Below(n) == 0; }
  uint64_t Bits() { return random_(); }
  double Share() { return std::uniform_real_distribution<double>()(random_); }

 private:
  std::mt19937_64 random_;
};

// The byte model of a soak: two layers whose decisions drop about half of the tokens.
std::shared_ptr<const Model> SmallModel(uint64_t seed, int delay);

// How a session of `model` and its scheduler are set up, and in words.
struct Setting {
  SessionOptions session;
  SchedulerOptions scheduler;
  int threads = 1;
  std::string text;
};
Setting DrawSetting(Draw& draw, const Model& model);

// A request that a session of that setting takes; one in twenty is too long for the model or for the budget.
GenerateRequest DrawRequest(Draw& draw, const Model& model, const Setting& setting);

// "" where `got` is `alone` bit for bit, else the first thing that differs. `part`: `got` was ended early, and has to
// be a beginning.
std::string Difference(const GeneratedSequence& got, const GeneratedSequence& alone, bool part);

}  // namespace dcp::soak

#endif  // DCP_TESTS_SOAK_RANDOM_REQUESTS_H_
