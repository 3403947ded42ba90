// Runs a fuzz target without libFuzzer: every file of a corpus, then seeded mutations of them.
// Usage: TARGET ROUNDS FOLDER
#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

namespace {

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  std::string operator()(std::string text) {
    for (std::size_t n = 1 + below(4); n > 0; --n) change(text);
    return text;
  }
  std::size_t below(std::size_t n) { return engine_() % n; }

 private:
  void change(std::string& text) {
    // What readers trip over: numbers out of range, and structure in the wrong place.
    constexpr std::array<const char*, 12> words{
        "-1", "0", "1e999", "1152921504606846976", "null", "[", "]", "{", "\"", "NaN", "0.5e", ","};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(text.size() - at, below(16));
    switch (below(5)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        return;
      case 1:
        text.erase(at, length);
        return;
      case 2:
        text.insert(at, text.substr(below(text.size() + 1), length));
        return;
      case 3:
        text.replace(at, length, words[below(words.size())]);
        return;
      default:
        text.resize(at);
    }
  }

  std::mt19937_64 engine_{1};
};

void run(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: TARGET ROUNDS FOLDER\n", stderr);
    return 2;
  }
  const std::vector<std::string> corpus = read_corpus(argv[2]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no input\n", argv[2]);
    return 1;
  }
  for (const std::string& text : corpus) run(text);
  Mutator mutate;
  const long rounds = std::strtol(argv[1], nullptr, 10);
  for (long round = 0; round < rounds; ++round) run(mutate(corpus[mutate.below(corpus.size())]));
  std::printf("%zu files and %ld mutations\n", corpus.size(), rounds);
  return 0;
}
