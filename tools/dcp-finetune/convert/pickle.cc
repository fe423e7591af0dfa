#include "dcp-finetune/convert/pickle.h"

#include <bit>
#include <cstring>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "dcp/error.h"
#include "support/escape.h"

namespace dcp::finetune {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// The part of Python's pickle opcodes that state dictionaries are written in.
enum class Op : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDuplicate = '2',
  kFloat = 'G',
  kInt32 = 'J',
  kUint8 = 'K',
  kUint16 = 'M',
  kNone = 'N',
  kPersistentId = 'Q',
  kReduce = 'R',
  kString = 'T',
  kShortString = 'U',
  kUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kGet = 'h',
  kLongGet = 'j',
  kList = 'l',
  kPut = 'q',
  kLongPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyList = ']',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kBytes = 'B',
  kShortBytes = 'C',
  kProtocol = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTrue = 0x88,
  kFalse = 0x89,
  kLong = 0x8a,
  kShortUnicode = 0x8c,
  kUnicode8 = 0x8d,
  kBytes8 = 0x8e,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

}  // namespace

const PickleValue* PickleValue::Find(std::string_view key) const {
  if (kind != Kind::kDict) return nullptr;
  for (size_t i = items.size(); i >= 2; i -= 2) {
    const PickleValue& name = *items[i - 2];
    if (name.kind == Kind::kText && name.text == key) return items[i - 1];
  }
  return nullptr;
}

// Python's stack machine, without the part that acts.
class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, std::string_view bytes) : pickle_(pickle), bytes_(bytes) {}

  const PickleValue& Run() {
    while (true) {
      start_ = at_;
      const auto op = static_cast<Op>(Number<uint8_t>());
      if (op == Op::kStop) return *Pop();
      Step(op);
    }
  }

  size_t size() const { return at_; }

 private:
  using Value = PickleValue*;

  [[noreturn]] void Fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidModel, "pickle: byte " + std::to_string(start_) + ": " + what);
  }

  // --- The bytes.

  std::string_view Take(uint64_t size) {
    if (size > bytes_.size() - at_) {
      Fail("ends where " + std::to_string(size) + " more bytes are due (cut off?)");
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  // Items that an opcode copies, in all no more than there are bytes: a few bytes could name a long list again and
  // again.
  void Charge(size_t items) {
    copied_ += items;
    if (copied_ > bytes_.size()) Fail("makes too much of too little");
  }

  // Little-endian, as this machine is.
  template <typename T>
  T Number() {
    T value;
    std::memcpy(&value, Take(sizeof value).data(), sizeof value);
    return value;
  }

  std::string_view Line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) Fail("a name without an end");
    const std::string_view line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  double BigEndianFloat() {
    uint64_t bits = 0;
    for (const char byte : Take(sizeof bits)) bits = bits << 8 | static_cast<uint8_t>(byte);
    return std::bit_cast<double>(bits);
  }

  // Two's complement of any length; what does not fit in 64 bits is no size of a tensor.
  int64_t Long() {
    const std::string_view digits = Take(Number<uint8_t>());
    if (digits.size() > sizeof(int64_t)) return 0;
    uint64_t value = !digits.empty() && (digits.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
    std::memcpy(&value, digits.data(), digits.size());
    return static_cast<int64_t>(value);
  }

  // --- The stack.

  Value Push(PickleValue value) {
    pickle_.values_.push_back(std::move(value));
    stack_.push_back(&pickle_.values_.back());
    return stack_.back();
  }

  Value Push(Kind kind, int64_t integer = 0) { return Push({.kind = kind, .integer = integer}); }

  void PushText(std::string_view text) { Push({.kind = Kind::kText, .text = text}); }

  // What is not above a mark.
  size_t Height() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Value Top() {
    if (Height() == 0) Fail("takes a value that is not there");
    return stack_.back();
  }

  Value Pop() {
    Value value = Top();
    stack_.pop_back();
    return value;
  }

  std::vector<const PickleValue*> PopMany(size_t count) {
    if (Height() < count) Fail("takes a value that is not there");
    std::vector<const PickleValue*> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  std::vector<const PickleValue*> PopToMark() {
    if (marks_.empty()) Fail("goes back to a mark that is not there");
    std::vector<const PickleValue*> values = PopMany(Height());
    marks_.pop_back();
    return values;
  }

  Value PopOf(Kind kind, const char* expected) {
    Value value = Pop();
    if (value->kind != kind) Fail(std::string("expected ") + expected);
    return value;
  }

  Value TopOf(Kind kind, const char* expected) {
    Value value = Top();
    if (value->kind != kind) Fail(std::string("expected ") + expected);
    return value;
  }

  // --- What the opcodes do.

  void Extend(Kind kind, const char* expected, const std::vector<const PickleValue*>& items) {
    if (kind == Kind::kDict && items.size() % 2 != 0) Fail("a key without a value");
    Value target = TopOf(kind, expected);
    target->items.insert(target->items.end(), items.begin(), items.end());
  }

  void PushGlobal(std::string_view module, std::string_view name) {
    const std::string& global = pickle_.texts_.emplace_back(std::string(module) + "." + std::string(name));
    if (global != kOrderedDict && !pickle_.known_(global)) {
      Fail("names " + OneLine(global) + ", which no plain state dictionary needs; nothing of it was run");
    }
    Push({.kind = Kind::kGlobal, .text = global});
  }

  // OrderedDict(), or as Python 2 wrote it OrderedDict([[key, value], ..]).
  void PushOrderedDict(const PickleValue& arguments) {
    Value dict = Push(Kind::kDict);
    if (arguments.items.empty()) return;
    const PickleValue& pairs = *arguments.items[0];
    if (arguments.items.size() != 1 || pairs.kind != Kind::kList) Fail("expected OrderedDict of a list of pairs");
    Charge(2 * pairs.items.size());
    for (const PickleValue* pair : pairs.items) {
      if (pair->items.size() != 2) Fail("expected OrderedDict of a list of pairs");
      dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
    }
  }

  void Reduce() {
    const Value arguments = PopOf(Kind::kTuple, "a tuple of arguments");
    const Value callee = PopOf(Kind::kGlobal, "a function");
    if (callee->text == kOrderedDict) return PushOrderedDict(*arguments);
    Charge(arguments->items.size());
    Push({.kind = Kind::kCall, .text = callee->text, .items = arguments->items});
  }

  void Remember(uint64_t place) { memo_[place] = Top(); }

  void Recall(uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) Fail("recalls a value that was not remembered");
    stack_.push_back(found->second);
  }

  void PushStackGlobal() {
    const std::string_view name = PopOf(Kind::kText, "a name")->text;
    PushGlobal(PopOf(Kind::kText, "a module")->text, name);
  }

  void Step(Op op) {
    switch (op) {
      case Op::kProtocol:
        if (const int version = Number<uint8_t>(); version < 2 || version > 5) {
          Fail("protocol " + std::to_string(version) + ", expected 2 to 5");
        }
        return;
      case Op::kFrame:
        Number<uint64_t>();
        return;
      case Op::kMark:
        return marks_.push_back(stack_.size());
      case Op::kNone:
        Push(Kind::kNone);
        return;
      case Op::kTrue:
      case Op::kFalse:
        Push(Kind::kBool, op == Op::kTrue);
        return;
      case Op::kUint8:
        Push(Kind::kInteger, Number<uint8_t>());
        return;
      case Op::kUint16:
        Push(Kind::kInteger, Number<uint16_t>());
        return;
      case Op::kInt32:
        Push(Kind::kInteger, Number<int32_t>());
        return;
      case Op::kLong:
        Push(Kind::kInteger, Long());
        return;
      case Op::kFloat:
        Push({.kind = Kind::kReal, .real = BigEndianFloat()});
        return;
      default:
        return StepOfTexts(op);
    }
  }

  void StepOfTexts(Op op) {
    switch (op) {
      case Op::kShortString:
      case Op::kShortBytes:
      case Op::kShortUnicode:
        return PushText(Take(Number<uint8_t>()));
      case Op::kString:
      case Op::kBytes:
      case Op::kUnicode:
        return PushText(Take(Number<uint32_t>()));
      case Op::kUnicode8:
      case Op::kBytes8:
        return PushText(Take(Number<uint64_t>()));
      case Op::kGlobal: {
        const std::string_view module = Line();
        return PushGlobal(module, Line());
      }
      case Op::kStackGlobal:
        return PushStackGlobal();
      case Op::kPut:
        return Remember(Number<uint8_t>());
      case Op::kLongPut:
        return Remember(Number<uint32_t>());
      case Op::kMemoize:
        return Remember(memo_.size());
      case Op::kGet:
        return Recall(Number<uint8_t>());
      case Op::kLongGet:
        return Recall(Number<uint32_t>());
      default:
        return StepOfContainers(op);
    }
  }

  void StepOfContainers(Op op) {
    switch (op) {
      case Op::kPop:
        Pop();
        return;
      case Op::kPopMark:
        PopToMark();
        return;
      case Op::kDuplicate:
        return stack_.push_back(Top());
      case Op::kEmptyTuple:
        Push(Kind::kTuple);
        return;
      case Op::kEmptyList:
        Push(Kind::kList);
        return;
      case Op::kEmptyDict:
        Push(Kind::kDict);
        return;
      case Op::kTuple1:
      case Op::kTuple2:
      case Op::kTuple3:
        Push({.kind = Kind::kTuple, .items = PopMany(static_cast<size_t>(op) - static_cast<size_t>(Op::kTuple1) + 1)});
        return;
      case Op::kTuple:
        Push({.kind = Kind::kTuple, .items = PopToMark()});
        return;
      case Op::kList:
        Push({.kind = Kind::kList, .items = PopToMark()});
        return;
      case Op::kAppend:
        return Extend(Kind::kList, "a list", PopMany(1));
      case Op::kAppends:
        return Extend(Kind::kList, "a list", PopToMark());
      case Op::kSetItem:
        return Extend(Kind::kDict, "a dictionary", PopMany(2));
      case Op::kSetItems:
        return Extend(Kind::kDict, "a dictionary", PopToMark());
      case Op::kReduce:
        return Reduce();
      case Op::kBuild:  // attributes of a dictionary, as torch puts "_metadata" on one: not its content
        Pop();
        TopOf(Kind::kDict, "a dictionary");
        return;
      case Op::kPersistentId: {
        const Value id = PopOf(Kind::kTuple, "a tuple");
        Charge(id->items.size());
        Push({.kind = Kind::kPersistent, .items = id->items});
        return;
      }
      default: {
        const char digits[] = "0123456789abcdef";
        const auto code = static_cast<uint8_t>(op);
        Fail(std::string("opcode 0x") + digits[code >> 4] + digits[code & 15] + " is not one of a state dictionary");
      }
    }
  }

  Pickle& pickle_;
  std::string_view bytes_;
  size_t at_ = 0, start_ = 0;  // of the next byte, of the opcode
  size_t copied_ = 0;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, Value> memo_;
};

const PickleValue& Pickle::Read(std::string_view& bytes) {
  PickleMachine machine(*this, bytes);
  const PickleValue& value = machine.Run();
  bytes.remove_prefix(machine.size());
  return value;
}

}  // namespace dcp::finetune
