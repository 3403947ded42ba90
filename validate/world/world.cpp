#include "validate/world/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap::world {
namespace {

Status check_bytes(const std::string& bytes) {
  if (bytes.size() <= World::most_bytes) return {};
  return internal_error(fmt::format("a message of {} bytes between processes, more than {}",
                                    bytes.size(), World::most_bytes));
}

std::string encode(const Status& status) {
  if (status) return {};
  Writer writer;
  writer.number(static_cast<std::uint32_t>(status.error().kind));
  writer.text(status.error().text());
  return writer.take();
}

/// The errors of all ranks as one, of the kind that weighs most: each text once, with its ranks.
std::string joined(const std::vector<std::string>& by_rank) {
  std::uint32_t kind = static_cast<std::uint32_t>(ErrorKind::infeasible);
  std::vector<std::pair<std::string, std::vector<int>>> texts;
  for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
    if (by_rank[rank].empty()) continue;
    Reader reader(by_rank[rank]);
    const std::uint32_t own = reader.number();
    if (own != static_cast<std::uint32_t>(ErrorKind::infeasible)) kind = own;
    const std::string text = reader.text(World::most_bytes);
    auto known = std::find_if(texts.begin(), texts.end(),
                              [&](const auto& each) { return each.first == text; });
    if (known == texts.end()) known = texts.insert(texts.end(), {text, {}});
    known->second.push_back(static_cast<int>(rank));
  }
  if (texts.empty()) return {};
  std::string all;
  for (const auto& [text, ranks] : texts) {
    const bool everyone = ranks.size() == by_rank.size();
    all += (all.empty() ? "" : "; ") + (everyone ? text : rank_list(ranks) + ": " + text);
  }
  constexpr std::size_t most_text = World::most_bytes / 2;
  Writer writer;
  writer.number(kind);
  writer.text(all.substr(0, most_text));
  return writer.take();
}

Status decode_status(const std::string& bytes) {
  if (bytes.empty()) return {};
  Reader reader(bytes);
  Error error;
  error.kind = static_cast<ErrorKind>(
      std::min(reader.number(), static_cast<std::uint32_t>(ErrorKind::internal)));
  error.message = reader.text(World::most_bytes);
  return error;
}

}  // namespace

Result<World> World::join(const Place& place, const Hello& hello, const Limits& limits) {
  HSAP_TRY(Meeting meeting, meet(place, hello, limits));
  return World(std::make_unique<Control>(place.rank, std::move(meeting), limits));
}

Result<std::string> World::receive(int from, Step step, double limit_s,
                                   Clock::time_point deadline) {
  return control_->receive(from, step, step_, deadline, limit_s);
}

/// Rank 0 gets everyone's bytes.
Result<std::vector<std::string>> World::collect(Step step, const std::string& bytes,
                                                double limit_s) {
  HSAP_CHECK(check_bytes(bytes));
  if (rank() != 0) {
    control_->send(0, step, step_, bytes);
    return std::vector<std::string>();
  }
  const auto deadline = Clock::now() + seconds(limit_s);
  std::vector<std::string> all = {bytes};
  for (int from = 1; from < size(); ++from) {
    HSAP_TRY(std::string part, receive(from, step, limit_s, deadline));
    all.push_back(std::move(part));
  }
  return all;
}

/// Everyone gets the bytes of rank 0.
Result<std::string> World::spread(Step step, const std::string& bytes, double limit_s) {
  if (rank() != 0) return receive(0, step, limit_s, Clock::now() + seconds(limit_s));
  HSAP_CHECK(check_bytes(bytes));
  for (int to = 1; to < size(); ++to) control_->send(to, step, step_, bytes);
  return bytes;
}

Result<std::string> World::broadcast(const std::string& bytes, std::optional<double> limit_s) {
  Result<std::string> result = spread(Step::broadcast, bytes, limit(limit_s));
  ++step_;
  return result;
}

Result<std::vector<std::string>> World::gather(const std::string& bytes,
                                               std::optional<double> limit_s) {
  auto result = collect(Step::gather, bytes, limit(limit_s));
  ++step_;
  return result;
}

Status World::barrier(std::optional<double> limit_s) {
  HSAP_CHECK(collect(Step::barrier, {}, limit(limit_s)));
  HSAP_CHECK(spread(Step::barrier, {}, limit(limit_s)));
  ++step_;
  return {};
}

Status World::agree(const Status& own, std::optional<double> limit_s) {
  HSAP_TRY(const std::vector<std::string> all, gather(encode(own), limit_s));
  HSAP_TRY(const std::string verdict, broadcast(joined(all), limit_s));
  return decode_status(verdict);
}

std::optional<Loss> World::lost() const {
  const std::vector<Loss> all = losses();
  if (all.empty()) return {};
  return all.front();
}

Status World::finish(std::optional<double> limit_s) { return control_->finish(limit(limit_s)); }

}  // namespace hsap::world
