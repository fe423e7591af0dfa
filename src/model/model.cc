#include "dcp/model.h"

#include <new>
#include <utility>

#include "dcp/error.h"
#include "io/checkpoint.h"
#include "model/weights.h"

namespace dcp {

Model::Model(const ModelConfig& config, WeightType type, std::unique_ptr<ModelWeights> weights)
    : config_(config), weight_type_(type), weights_(std::move(weights)) {}

Model::~Model() = default;

std::shared_ptr<const Model> Model::Load(const std::filesystem::path& directory, const ModelOptions& options) try {
  const Checkpoint checkpoint = Checkpoint::Open(directory, options.adapter, options.warnings);
  const WeightType type = options.weights.value_or(checkpoint.stored_type());
  auto weights = std::make_unique<ModelWeights>(LoadWeights(checkpoint, type));
  return std::shared_ptr<const Model>(new Model(checkpoint.config(), type, std::move(weights)));
} catch (const std::bad_alloc&) {
  throw Error(ErrorCode::kOutOfMemory, directory.string() + ": not enough memory for the weights");
}

std::shared_ptr<const Model> Model::Random(const ModelConfig& config, uint64_t seed, WeightType type) try {
  config.Validate("random model");
  auto weights = std::make_unique<ModelWeights>(RandomWeights(config, seed, type));
  return std::shared_ptr<const Model>(new Model(config, type, std::move(weights)));
} catch (const std::bad_alloc&) {
  throw Error(ErrorCode::kOutOfMemory, "random model: not enough memory for the weights");
}

uint64_t Model::fingerprint() const {
  std::call_once(fingerprint_made_, [this] { fingerprint_ = Fingerprint(config_, *weights_); });
  return fingerprint_;
}

size_t Model::weight_bytes() const { return weights_->bytes(); }

}  // namespace dcp
