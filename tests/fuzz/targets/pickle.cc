// Python pickles, as dcp-finetune convert reads them: one after another, as in old PyTorch files.
#include "dcp-finetune/convert/pickle.h"

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  finetune::Pickle pickle([](std::string_view global) { return global.starts_with("torch."); });
  std::string_view rest = fuzz::AsText(data, size);
  fuzz::Accepts([&] {
    while (!rest.empty()) {
      const size_t before = rest.size();
      const finetune::PickleValue& value = pickle.Read(rest);
      (void)value.Find("state_dict");
      fuzz::Require(rest.size() < before, "a pickle has bytes");
    }
  });
  size_t items = 0;
  for (const finetune::PickleValue& value : pickle.values()) {
    items += value.items.size() + 1;
    for (const finetune::PickleValue* item : value.items) fuzz::Require(item != nullptr, "an item is a value");
  }
  fuzz::Require(items <= 8 * size + 8, "memory is in proportion to the bytes");
  return 0;
}
