#include "dcp-finetune/corpus.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "common/corpus.h"
#include "common/files.h"
#include "common/text_options.h"
#include "dcp/error.h"
#include "support/hash.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

constexpr uint64_t kMagic = 0x31304b4f54504344;  // "DCPTOK01", little-endian

struct Header {
  uint64_t magic, width, documents;
};

// The names of token files and the choice of held-out documents hang on these very numbers, which neither FnvHash nor
// WordHash gives: FNV-1a over 8 bytes at a time, then over the rest and its size.
uint64_t HashBytes(std::string_view bytes, uint64_t hash) {
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = FnvStep(hash, word);
    hash ^= hash >> 29;
  }
  return FnvStep(FnvHash(hash, bytes.data(), bytes.size()), bytes.size());
}

uint64_t HashOf(const TextFiles& texts, const Tokenizer& tokenizer) {
  uint64_t hash = FnvStep(kFnvBasis, tokenizer.fingerprint());
  for (const std::string_view document : texts.documents()) hash = HashBytes(document, hash);
  return hash;
}

void Append(std::string& bytes, const std::vector<TokenId>& ids, size_t width) {
  const size_t start = bytes.size();
  bytes.resize(start + ids.size() * width);
  for (size_t i = 0; i < ids.size(); ++i) std::memcpy(bytes.data() + start + i * width, &ids[i], width);
}

void WriteTokens(const TextFiles& texts, const Tokenizer& tokenizer, ThreadPool& pool,
                 const std::filesystem::path& path) {
  const size_t count = texts.documents().size();
  const size_t width = tokenizer.vocab_size() <= 65536 ? 2 : 4;
  std::vector<std::string> encoded(count);
  pool.ParallelFor(count, [&](size_t i, size_t) { Append(encoded[i], tokenizer.Encode(texts.documents()[i]), width); });
  std::vector<uint64_t> offsets = {0};
  for (const std::string& bytes : encoded) offsets.push_back(offsets.back() + bytes.size() / width);
  const Header header = {kMagic, width, count};
  OutputFile file(path);
  file.Write(std::as_bytes(std::span(&header, 1)));
  file.Write(std::as_bytes(std::span<const uint64_t>(offsets)));
  for (const std::string& bytes : encoded) file.Write(bytes);
  file.Commit();
}

}  // namespace

TextFiles::TextFiles(const std::vector<std::string>& paths, std::string_view end_of_text) {
  for (const std::string& path : paths) {
    for (const std::string& name : tools::TextFilesOf(path)) {
      files_.push_back(MappedFile::Open(name));
      const std::string_view text = tools::AsText(files_.back().text(), name);
      std::ranges::copy(tools::SplitDocuments(text, end_of_text), std::back_inserter(documents_));
    }
  }
  if (documents_.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "there is no text in " + (paths.empty() ? "no files" : paths.front()));
  }
}

TokenCorpus TokenCorpus::Open(const std::vector<std::string>& paths, const Tokenizer& tokenizer, ThreadPool& pool,
                              const std::filesystem::path& cache, std::string_view end_of_text) {
  const TextFiles texts(paths, end_of_text);
  char name[40];
  std::snprintf(name, sizeof name, "tokens-%016llx.bin", static_cast<unsigned long long>(HashOf(texts, tokenizer)));
  const std::filesystem::path path = cache / name;
  if (std::filesystem::exists(path)) {
    TokenCorpus corpus(MappedFile::Open(path));
    if (corpus.IndexTokens()) return corpus;
  }
  std::filesystem::create_directories(cache);
  WriteTokens(texts, tokenizer, pool, path);
  TokenCorpus corpus(MappedFile::Open(path));
  if (!corpus.IndexTokens()) throw Error(ErrorCode::kIo, path.string() + ": was written, and cannot be read back");
  return corpus;
}

bool TokenCorpus::IndexTokens() {
  const std::span<const std::byte> bytes = file_.bytes();
  Header header;
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || (header.width != 2 && header.width != 4)) return false;
  const size_t words = (bytes.size() - sizeof header) / sizeof(uint64_t);  // bounds the table before its size is known
  if (header.documents >= words) return false;
  const auto* const offsets = reinterpret_cast<const uint64_t*>(bytes.data() + sizeof header);
  offsets_.assign(offsets, offsets + header.documents + 1);
  tokens_ = reinterpret_cast<const std::byte*>(offsets + offsets_.size());
  width_ = header.width;
  const size_t tokens = static_cast<size_t>(bytes.data() + bytes.size() - tokens_);
  return offsets_.front() == 0 && std::is_sorted(offsets_.begin(), offsets_.end()) && tokens % width_ == 0 &&
         offsets_.back() == tokens / width_;
}

void TokenCorpus::Split(size_t document, int64_t at) {
  offsets_.insert(offsets_.begin() + static_cast<std::ptrdiff_t>(document) + 1,
                  offsets_[document] + static_cast<uint64_t>(at));
}

int64_t TokenCorpus::HighestId() const {
  constexpr int64_t kAtOnce = 1 << 16;
  int64_t highest = -1;
  std::vector<int64_t> ids;
  for (size_t document = 0; document < documents(); ++document) {
    for (int64_t begin = 0; begin < Length(document); begin += kAtOnce) {
      ids.resize(static_cast<size_t>(std::min(kAtOnce, Length(document) - begin)));
      Read(document, begin, ids);
      highest = std::max(highest, *std::ranges::max_element(ids));
    }
  }
  return highest;
}

void TokenCorpus::Read(size_t document, int64_t begin, std::span<int64_t> out) const {
  const std::byte* from = tokens_ + (offsets_[document] + begin) * width_;
  for (int64_t& id : out) {
    uint32_t value = 0;
    std::memcpy(&value, from, width_);
    id = value;
    from += width_;
  }
}

namespace {

// Documents in an order of no meaning, the same whatever order they came in.
std::vector<size_t> Shuffled(const TokenCorpus& corpus) {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < corpus.documents(); ++i) {
    std::vector<int64_t> start(std::min<int64_t>(corpus.Length(i), 256));
    corpus.Read(i, 0, start);
    const std::string_view bytes(reinterpret_cast<const char*>(start.data()), start.size() * sizeof(int64_t));
    order.emplace_back(HashBytes(bytes, static_cast<uint64_t>(corpus.Length(i))), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<size_t> documents;
  for (const auto& [hash, document] : order) documents.push_back(document);
  return documents;
}

// Tokens at the end of an only document that are held out.
int64_t HeldOutTail(int64_t length, double fraction, int64_t context) {
  const auto share = static_cast<int64_t>(fraction * static_cast<double>(length));
  const int64_t tail = std::max(share, std::min(context, length / 10));
  return std::clamp<int64_t>(tail, 0, std::max<int64_t>(length - context, 0));
}

}  // namespace

Division HoldOut(TokenCorpus& corpus, double fraction, int64_t context) {
  if (fraction > 0 && corpus.documents() == 1) {
    corpus.Split(0, corpus.Length(0) - HeldOutTail(corpus.Length(0), fraction, context));
    return {{0}, {1}};
  }
  const auto share = static_cast<size_t>(fraction * static_cast<double>(corpus.documents()));
  const size_t count = fraction > 0 ? std::max<size_t>(share, 1) : 0;
  const std::vector<size_t> order = Shuffled(corpus);
  Division division = {{order.begin() + static_cast<std::ptrdiff_t>(count), order.end()},
                       {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)}};
  std::sort(division.train.begin(), division.train.end());
  std::sort(division.held_out.begin(), division.held_out.end());
  return division;
}

}  // namespace dcp::finetune
