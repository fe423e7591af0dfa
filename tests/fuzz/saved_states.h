// Sessions of several kinds, for what they save and restore.
#ifndef DCP_TESTS_FUZZ_SAVED_STATES_H_
#define DCP_TESTS_FUZZ_SAVED_STATES_H_

#include <memory>
#include <string>
#include <vector>

#include "dcp/dcp.h"

namespace dcp::fuzz {

struct StateSetting {
  std::shared_ptr<const Model> model;
  ThreadPool pool{1};
  std::unique_ptr<Session> session;
  std::string sequence_head;  // of a saved sequence: all before the number of seen tokens
  std::string prompt_head;    // of a saved prompt: all before the number of ids
};

// Every kind of cache: with and without interaction keys, attention, drop logs and a delay, of each type.
std::vector<std::unique_ptr<StateSetting>> StateSettings();

// What is behind those heads and before the last checksum, for a sequence and a prompt that were saved after `tokens`.
std::string SequencePayload(StateSetting& setting, int tokens);
std::string PromptPayload(StateSetting& setting, int tokens);

}  // namespace dcp::fuzz

#endif  // DCP_TESTS_FUZZ_SAVED_STATES_H_
