// One safetensors file, read from memory as a map would hold it, and every tensor of it converted.
#include "io/safetensors.h"

#include <vector>

#include "tests/fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dcp;
  fuzz::Accepts([&] {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    const SafetensorsFile file = SafetensorsFile::Parse("model.safetensors", MappedFile::Of(bytes));
    size_t total = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      total += tensor.bytes.size();
      fuzz::Require(tensor.bytes.empty() || (tensor.bytes.data() >= bytes.data() &&
                                             tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + size),
                    "a tensor lies in its file");
      size_t count = 1;
      for (const int64_t n : tensor.shape) count *= static_cast<size_t>(n);
      fuzz::Require(count * ItemSize(tensor.dtype) == tensor.bytes.size(), "a tensor has the bytes of its shape");
      if (!AsWeightType(tensor.dtype)) continue;
      std::vector<float> values(count);
      (void)ConvertToFloat(tensor.dtype, tensor.bytes, values);
    }
    fuzz::Require(total < size, "tensors do not overlap");
  });
  return 0;
}
