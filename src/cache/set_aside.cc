#include "cache/set_aside.h"

#include <cstring>
#include <unordered_map>
#include <utility>

namespace dcp {

SetAsideSequences::SetAsideSequences(BatchedCache& cache, std::span<const SequenceId> ids, SpoolFile* spool)
    : cache_(&cache), spool_(spool), page_bytes_(cache.shape().page.page_bytes()) {
  std::unordered_map<const std::byte*, uint32_t> places;
  sequences_.reserve(ids.size());
  for (const SequenceId id : ids) {
    for (const LayerSlots& layer : cache.Find(id).layers) {
      std::vector<uint32_t>& held = held_.emplace_back();
      for (size_t i = 0; i < layer.page_count(); ++i) {
        held.push_back(places.try_emplace(layer.page(i), static_cast<uint32_t>(places.size())).first->second);
      }
    }
  }
  page_count_ = places.size();
  if (spool_ != nullptr) {
    std::vector<const std::byte*> pages(page_count_);
    for (const auto& [data, place] : places) pages[place] = data;
    places_ = spool_->Write(pages);
  } else {
    content_.reset(new std::byte[page_count_ * page_bytes_]);  // not zeroed
    for (const auto& [data, place] : places) std::memcpy(content_.get() + place * page_bytes_, data, page_bytes_);
  }
  for (const SequenceId id : ids) {
    sequences_.push_back(cache.TakeOut(id));
    for (LayerSlots& layer : sequences_.back()->layers) {
      for (CachePage* page : layer.DetachPages()) cache.pool().Give(page);
    }
  }
  cache.Trim();
}

SetAsideSequences::~SetAsideSequences() { DropContent(); }

void SetAsideSequences::DropContent() {
  content_.reset();
  if (spooled()) spool_->Free(places_);
  places_.clear();
}

void SetAsideSequences::BringBack() {
  cache_->EnsureFreePages(page_count_);
  if (spooled()) {
    std::unique_ptr<std::byte[]> read(new std::byte[page_count_ * page_bytes_]);
    spool_->Read(places_, read.get());
    content_ = std::move(read);
  }
  std::vector<CachePage*> pages(page_count_, nullptr);
  std::vector<CachePage*> held;
  size_t next = 0;
  for (auto& sequence : sequences_) {
    for (LayerSlots& layer : sequence->layers) {
      held.clear();
      for (const uint32_t place : held_[next++]) {
        if (pages[place] == nullptr) {
          pages[place] = cache_->pool().Take();
          std::memcpy(pages[place]->data, content_.get() + place * page_bytes_, page_bytes_);
        } else {
          cache_->pool().Share(pages[place]);
        }
        held.push_back(pages[place]);
      }
      layer.AttachPages(held);
    }
    cache_->PutIn(std::move(sequence));
  }
  sequences_.clear();
  DropContent();
}

void SetAsideSequences::BringBackToRemove() {
  for (auto& sequence : sequences_) {
    sequence->leaving = true;
    cache_->PutIn(std::move(sequence));
  }
  sequences_.clear();
  DropContent();
}

}  // namespace dcp
