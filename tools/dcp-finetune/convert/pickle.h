// Python pickles read as data: nothing is ever called, imported or run.
#ifndef DCP_TOOLS_DCP_FINETUNE_CONVERT_PICKLE_H_
#define DCP_TOOLS_DCP_FINETUNE_CONVERT_PICKLE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dcp::finetune {

// What a pickle holds. Values belong to their Pickle; one may stand in several places.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,        // `integer`
    kInteger,     // `integer`
    kReal,        // `real`
    kText,        // `text`, of a str or bytes
    kTuple,       // `items`
    kList,        // `items`
    kDict,        // `items`: key, value, key, value, .. in the order they were set; an OrderedDict too
    kGlobal,      // `text`: "module.name", a class or function that is named and no more
    kCall,        // `text` of a global, which Python would have called with `items`
    kPersistent,  // `items`: what the program that wrote the pickle calls by this id
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double real = 0;
  std::string_view text = {};  // into the bytes, or into the Pickle
  std::vector<const PickleValue*> items = {};

  // The value of a text key, the last one where it was set twice; null: none, or no dict.
  const PickleValue* Find(std::string_view key) const;
};

// Reads pickles of protocol 2 to 4 that are made of the values above. Memory is in proportion to the bytes read.
class Pickle {
 public:
  // A pickle that names anything but "collections.OrderedDict" and what `known` is true for is refused.
  explicit Pickle(std::function<bool(std::string_view global)> known) : known_(std::move(known)) {}

  // Reads one pickle from the front of `bytes` and takes it off. `bytes` must outlive this. Throws
  // dcp::Error(kInvalidModel): what is wrong, and at which byte.
  const PickleValue& Read(std::string_view& bytes);

  // All values of all pickles that were read.
  const std::deque<PickleValue>& values() const { return values_; }

 private:
  friend class PickleMachine;

  std::function<bool(std::string_view global)> known_;
  std::deque<PickleValue> values_;  // a flat store: no nesting is deep enough to overflow a stack
  std::deque<std::string> texts_;
};

}  // namespace dcp::finetune

#endif  // DCP_TOOLS_DCP_FINETUNE_CONVERT_PICKLE_H_
