#include "dcp-finetune/corpus.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "common/corpus.h"
#include "dcp/error.h"
#include "support/hash.h"
#include "support/output_file.h"

namespace dcp::finetune {
namespace {

constexpr std::string_view kSeparator = "<|endoftext|>";
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
  uint64_t hash = kFnvBasis;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) hash = HashBytes(tokenizer.TokenBytes(id), hash);
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

TextFiles::TextFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    for (const std::string& file : tools::TextFilesOf(path)) files_.push_back(MappedFile::Open(file));
  }
  for (const MappedFile& file : files_) {
    std::string_view rest = file.text();
    while (!rest.empty()) {
      const size_t end = rest.find(kSeparator);
      const std::string_view document = rest.substr(0, end);
      if (document.find_first_not_of(" \t\r\n") != std::string_view::npos) documents_.push_back(document);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + kSeparator.size());
    }
  }
  if (documents_.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "there is no text in " + (paths.empty() ? "no files" : paths.front()));
  }
}

TokenCorpus TokenCorpus::Open(const std::vector<std::string>& paths, const Tokenizer& tokenizer, ThreadPool& pool,
                              const std::filesystem::path& cache) {
  const TextFiles texts(paths);
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
  offsets_ = {reinterpret_cast<const uint64_t*>(bytes.data() + sizeof header), header.documents + 1};
  tokens_ = reinterpret_cast<const std::byte*>(offsets_.data() + offsets_.size());
  width_ = header.width;
  const size_t tokens = static_cast<size_t>(bytes.data() + bytes.size() - tokens_);
  return offsets_.front() == 0 && std::is_sorted(offsets_.begin(), offsets_.end()) && tokens % width_ == 0 &&
         offsets_.back() == tokens / width_;
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

std::vector<bool> HeldOut(const TokenCorpus& corpus, double fraction) {
  std::vector<bool> held_out(corpus.documents(), false);
  if (fraction <= 0) return held_out;
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < corpus.documents(); ++i) {
    std::vector<int64_t> start(std::min<int64_t>(corpus.Length(i), 256));
    corpus.Read(i, 0, start);
    const std::string_view bytes(reinterpret_cast<const char*>(start.data()), start.size() * sizeof(int64_t));
    order.emplace_back(HashBytes(bytes, static_cast<uint64_t>(corpus.Length(i))), i);
  }
  std::sort(order.begin(), order.end());
  const size_t count = std::max<size_t>(1, static_cast<size_t>(fraction * static_cast<double>(order.size())));
  for (size_t i = 0; i < count; ++i) held_out[order[i].second] = true;
  return held_out;
}

}  // namespace dcp::finetune
