#include "cache/page_pool.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/system_memory.h"
#include "dcp/error.h"

namespace dcp {
namespace {

// Address space asked of the system at a time; costs nothing until touched.
constexpr size_t kSlabBytes = size_t{16} << 20;

// Free pages kept for the next requests: one in this many of those in use. Sequences that decode give and take a page
// every few tokens; going to the system each time would cost page faults.
constexpr size_t kSpareShare = 32;

// Pages in use are moved together when more than one in this many bytes is free and cannot go.
constexpr size_t kScatterShare = 8;

// Most pages that one Trim() moves: a few milliseconds.
constexpr size_t kMovesPerTrim = 64;

}  // namespace

void LowestFirstSet::Insert(size_t i) {
  assert(!Contains(i));
  words_[i / 64] |= uint64_t{1} << i % 64;
  first_ = std::min(first_, i / 64);
  ++size_;
}

void LowestFirstSet::Erase(size_t i) {
  assert(Contains(i));
  words_[i / 64] &= ~(uint64_t{1} << i % 64);
  --size_;
}

size_t LowestFirstSet::Lowest() {
  while (words_[first_] == 0) ++first_;
  return first_ * 64 + static_cast<size_t>(std::countr_zero(words_[first_]));
}

size_t LowestFirstSet::LowestFrom(size_t i) const {
  for (size_t word = i / 64; word < words_.size(); ++word) {
    const uint64_t bits = word == i / 64 ? words_[word] & (~uint64_t{0} << i % 64) : words_[word];
    if (bits != 0) return word * 64 + static_cast<size_t>(std::countr_zero(bits));
  }
  return kNone;
}

PagePool::PagePool(size_t page_bytes)
    : page_bytes_(RoundUp(page_bytes, SystemPageBytes())),
      pages_per_slab_(std::max<size_t>(1, kSlabBytes / page_bytes_)),
      slab_bytes_(RoundUp(pages_per_slab_ * page_bytes_, kLargePageBytes)) {}

PagePool::~PagePool() {
  for (const Slab& slab : slabs_) UnmapMemory(slab.memory, slab_bytes_);
}

void PagePool::AddSlab() {
  const size_t first = pages_.size();
  const size_t end = first + pages_per_slab_;
  const bool small = slabs_.empty();
  slabs_.reserve(slabs_.size() + 1);
  pages_.reserve(end);
  resident_.Reserve(end);  // so that Give and Trim never allocate
  vacant_.Reserve(end);
  Slab slab;
  slab.unit_bytes = small ? page_bytes_ : kLargePageBytes;
  slab.units.resize(small ? pages_per_slab_ : slab_bytes_ / kLargePageBytes);
  slab.pages = std::make_unique<CachePage[]>(pages_per_slab_);
  slab.memory = MapMemory(slab_bytes_, kLargePageBytes);
  if (slab.memory == nullptr) {
    throw Error(ErrorCode::kOutOfMemory, "cache: the system refused " + std::to_string(slab_bytes_) + " bytes beside " +
                                             std::to_string(reserved_bytes_) + " reserved ones");
  }
  if (!small) AdviseLargePages(slab.memory, slab_bytes_);
  for (size_t i = 0; i < pages_per_slab_; ++i) {
    slab.pages[i].data = slab.memory + i * page_bytes_;
    slab.pages[i].place = first + i;
    pages_.push_back(&slab.pages[i]);
    vacant_.Insert(first + i);
  }
  slabs_.push_back(std::move(slab));
}

// The units of its slab that a page lies in.
PagePool::PageRange PagePool::UnitsOf(const Slab& slab, size_t place) const {
  const size_t begin = place % pages_per_slab_ * page_bytes_;
  return {begin / slab.unit_bytes, DivideUp(begin + page_bytes_, slab.unit_bytes)};
}

// The places that lie in a unit of a slab, or partly.
PagePool::PageRange PagePool::PlacesOf(size_t slab, size_t unit) const {
  const size_t unit_bytes = slabs_[slab].unit_bytes;
  const size_t begin = std::min(unit * unit_bytes / page_bytes_, pages_per_slab_);
  const size_t end = std::min(DivideUp((unit + 1) * unit_bytes, page_bytes_), pages_per_slab_);
  return {slab * pages_per_slab_ + begin, slab * pages_per_slab_ + end};
}

bool PagePool::IsResident(size_t place) {
  const Slab& slab = SlabOf(place);
  const PageRange units = UnitsOf(slab, place);
  return std::all_of(slab.units.begin() + static_cast<ptrdiff_t>(units.begin),
                     slab.units.begin() + static_cast<ptrdiff_t>(units.end),
                     [](const Unit& unit) { return unit.resident; });
}

// Takes the units of a vacant place into use; neighbours that lie in them, too, are no longer vacant.
void PagePool::MakeResident(size_t place) {
  Slab& slab = SlabOf(place);
  const PageRange units = UnitsOf(slab, place);
  for (size_t unit = units.begin; unit < units.end; ++unit) {
    if (slab.units[unit].resident) continue;
    slab.units[unit].resident = true;
    reserved_bytes_ += slab.unit_bytes;
    ++empty_units_;
    const PageRange places = PlacesOf(place / pages_per_slab_, unit);
    for (size_t other = places.begin; other < places.end; ++other) {
      if (!vacant_.Contains(other) || !IsResident(other)) continue;
      vacant_.Erase(other);
      resident_.Insert(other);
    }
  }
}

void PagePool::CountUse(size_t place, int more) {
  Slab& slab = SlabOf(place);
  const PageRange units = UnitsOf(slab, place);
  for (size_t unit = units.begin; unit < units.end; ++unit) {
    uint32_t& used = slab.units[unit].used;
    if (used == 0) --empty_units_;
    used = static_cast<uint32_t>(static_cast<int>(used) + more);
    if (used == 0) ++empty_units_;
  }
}

CachePage* PagePool::Take() {
  const std::lock_guard lock(mutex_);
  if (resident_.size() == 0 && vacant_.size() == 0) AddSlab();
  if (resident_.size() == 0) MakeResident(vacant_.Lowest());
  const size_t place = resident_.Lowest();
  resident_.Erase(place);
  CountUse(place, 1);
  ++in_use_;
  pages_[place]->owners.store(1, std::memory_order_relaxed);
  return pages_[place];
}

void PagePool::EnsureFree(size_t pages) {
  const std::lock_guard lock(mutex_);
  while (resident_.size() + vacant_.size() < pages) AddSlab();
}

// Pages are taken in the order of Take(): free ones first, then vacant places from the lowest, each with those of its
// units that are not resident - which makes the places behind it free, so that they cost nothing more.
size_t PagePool::BytesWith(size_t pages) const {
  size_t bytes = reserved_bytes_;
  if (pages <= resident_.size()) return bytes;
  pages -= resident_.size();
  size_t counted_slab = 0, counted_end = 0;  // units of that slab before counted_end are counted
  for (size_t place = vacant_.LowestFrom(0); place != LowestFirstSet::kNone && pages > 0;
       place = vacant_.LowestFrom(place + 1), --pages) {
    const size_t s = place / pages_per_slab_;
    const PageRange units = UnitsOf(slabs_[s], place);
    if (s != counted_slab) counted_end = 0;
    counted_slab = s;
    for (size_t unit = std::max(units.begin, counted_end); unit < units.end; ++unit) {
      if (!slabs_[s].units[unit].resident) bytes += slabs_[s].unit_bytes;
    }
    counted_end = std::max(counted_end, units.end);
  }
  bool small = slabs_.empty();
  while (pages > 0) {
    const size_t of_slab = std::min(pages, pages_per_slab_);
    bytes += small ? of_slab * page_bytes_ : RoundUp(of_slab * page_bytes_, kLargePageBytes);
    pages -= of_slab;
    small = false;
  }
  return bytes;
}

void PagePool::Share(CachePage* page) noexcept {
  page->owners.fetch_add(1, std::memory_order_relaxed);
  shares_.fetch_add(1, std::memory_order_relaxed);
}

void PagePool::Give(CachePage* page) noexcept {
  // What this owner read was read before; who finds itself the only owner left may write.
  if (page->owners.fetch_sub(1, std::memory_order_acq_rel) > 1) {
    shares_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  const std::lock_guard lock(mutex_);
  resident_.Insert(page->place);
  CountUse(page->place, -1);
  --in_use_;
}

void PagePool::Trim() noexcept {
  const std::lock_guard lock(mutex_);
  const size_t spare = in_use_ == 0 ? 0 : in_use_ / kSpareShare + 1;
  const size_t wanted = (in_use_ + spare) * page_bytes_;
  DiscardEmptyUnits(wanted);
  if (reserved_bytes_ <= wanted + wanted / kScatterShare + 2 * kLargePageBytes) return;
  MoveTogether(wanted);
  DiscardEmptyUnits(wanted);
}

// From the back, where the last to be filled are.
void PagePool::DiscardEmptyUnits(size_t wanted) {
  for (size_t s = slabs_.size(); s-- > 0 && empty_units_ > 0;) {
    const Slab& slab = slabs_[s];
    for (size_t unit = slab.units.size(); unit-- > 0;) {
      if (reserved_bytes_ < wanted + slab.unit_bytes) break;
      if (slab.units[unit].resident && slab.units[unit].used == 0) Discard(s, unit);
    }
  }
}

void PagePool::Discard(size_t slab, size_t unit) {
  Slab& s = slabs_[slab];
  if (!DiscardMemory(s.memory + unit * s.unit_bytes, s.unit_bytes)) return;
  const PageRange places = PlacesOf(slab, unit);
  for (size_t place = places.begin; place < places.end; ++place) {
    if (!resident_.Contains(place)) continue;
    resident_.Erase(place);
    vacant_.Insert(place);
  }
  s.units[unit].resident = false;
  reserved_bytes_ -= s.unit_bytes;
  --empty_units_;
}

// Empties the units that hold least, from the back among equals, into free places of others.
void PagePool::MoveTogether(size_t wanted) {
  size_t moves = kMovesPerTrim;
  while (reserved_bytes_ >= wanted + (empty_units_ + 1) * kLargePageBytes) {
    const Unit* sparsest = nullptr;
    size_t slab = 0, unit = 0;
    for (size_t s = slabs_.size(); s-- > 1;) {
      for (size_t u = slabs_[s].units.size(); u-- > 0;) {
        const Unit& candidate = slabs_[s].units[u];
        if (candidate.used == 0 || (sparsest != nullptr && candidate.used >= sparsest->used)) continue;
        sparsest = &candidate;
        slab = s;
        unit = u;
      }
    }
    if (sparsest == nullptr || sparsest->used > moves || !Empty(slab, unit, moves)) return;
  }
}

// Moves every page in use out of a unit. False when there is no place for one.
bool PagePool::Empty(size_t slab, size_t unit, size_t& moves) {
  const PageRange places = PlacesOf(slab, unit);
  // Its own free places are no place to go.
  for (size_t place = places.begin; place < places.end; ++place) {
    if (resident_.Contains(place)) {
      resident_.Erase(place);
      vacant_.Insert(place);
    }
  }
  bool room = true;
  for (size_t place = places.begin; place < places.end && room; ++place) {
    if (vacant_.Contains(place)) continue;
    room = resident_.size() > 0;
    if (!room) break;
    Move(place, resident_.Lowest());
    --moves;
  }
  for (size_t place = places.begin; place < places.end; ++place) {
    if (vacant_.Contains(place) && IsResident(place)) {
      vacant_.Erase(place);
      resident_.Insert(place);
    }
  }
  return room;
}

// The page at `from`, in use, goes to `to`, resident; `from` is left vacant.
void PagePool::Move(size_t from, size_t to) {
  CachePage* used = pages_[from];
  CachePage* free = pages_[to];
  std::memcpy(free->data, used->data, page_bytes_);
  std::swap(used->data, free->data);
  std::swap(used->place, free->place);
  std::swap(pages_[from], pages_[to]);
  resident_.Erase(to);
  vacant_.Insert(from);
  CountUse(from, -1);
  CountUse(to, 1);
  ++moves_;
}

}  // namespace dcp
