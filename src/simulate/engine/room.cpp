#include "simulate/engine/room.hpp"

#include <bit>

namespace hsap {
namespace {

constexpr std::uint32_t word_bits = 64;

constexpr Direction opposite(Direction direction) {
  return direction == Direction::send ? Direction::receive : Direction::send;
}

}  // namespace

Room::Room(const Limits& limits, std::uint32_t copies, std::uint32_t ranks, std::uint32_t lanes)
    : limits_(limits), ranks_(ranks), lanes_(std::size_t{copies} * ranks * lanes) {
  const Bits all((ranks + word_bits - 1) / word_bits, ~std::uint64_t{0});
  roomy_.assign(std::size_t{copies} * lanes, {all, all});
  for (std::uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    const std::uint32_t unit = lane / lanes;
    lanes_[lane].rank = unit % ranks;
    lanes_[lane].row = unit / ranks * lanes + lane % lanes;
  }
}

bool Room::has(const Ends& lanes) const {
  if (!has(lanes.sender, Direction::send) || !has(lanes.receiver, Direction::receive)) return false;
  if (limits_.duplex) return true;
  const Bits& back = side(lanes.receiver, Direction::send).under_way;
  const std::uint32_t rank = lanes_[lanes.sender].rank;
  return back.empty() || (back[rank / word_bits] >> rank % word_bits & 1) == 0;
}

void Room::take(const Ends& lanes) { change(lanes, 1); }

void Room::leave(const Ends& lanes) { change(lanes, -1); }

void Room::change(const Ends& lanes, int moving) {
  change(lanes.sender, Direction::send, moving);
  change(lanes.receiver, Direction::receive, moving);
  if (limits_.duplex) return;
  put(side(lanes.sender, Direction::send).under_way, lanes_[lanes.receiver].rank, moving > 0);
}

void Room::change(std::uint32_t lane, Direction direction, int moving) {
  const bool before = has(lane, direction);
  side(lane, direction).moving += moving;
  const bool after = has(lane, direction);
  if (before == after) return;
  put(roomy_[lanes_[lane].row][static_cast<std::size_t>(direction)], lanes_[lane].rank, after);
}

void Room::put(Bits& row, std::uint32_t rank, bool value) const {
  if (row.empty()) row.resize((ranks_ + word_bits - 1) / word_bits);
  const std::uint64_t bit = std::uint64_t{1} << rank % word_bits;
  std::uint64_t& word = row[rank / word_bits];
  word = value ? word | bit : word & ~bit;
}

void Room::wait(const Ends& lanes, const std::array<Index, 2>& places) {
  const auto note = [&](Side& side, std::uint32_t rank, Index place) {
    put(side.waiting, rank, true);
    if (side.places.empty()) side.places.resize(ranks_);
    side.places[rank] = place;
  };
  note(side(lanes.sender, Direction::send), lanes_[lanes.receiver].rank, places[0]);
  note(side(lanes.receiver, Direction::receive), lanes_[lanes.sender].rank, places[1]);
}

void Room::wait_no_longer(const Ends& lanes) {
  put(side(lanes.sender, Direction::send).waiting, lanes_[lanes.receiver].rank, false);
  put(side(lanes.receiver, Direction::receive).waiting, lanes_[lanes.sender].rank, false);
}

void Room::find(std::uint32_t lane, Direction direction, std::vector<Index>& places) const {
  places.clear();
  const Side& own = side(lane, direction);
  const Bits& roomy = roomy_[lanes_[lane].row][static_cast<std::size_t>(opposite(direction))];
  for (std::uint32_t i = 0; i < own.waiting.size(); ++i) {
    for (std::uint64_t both = own.waiting[i] & roomy[i]; both != 0; both &= both - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(both));
      places.push_back(own.places[i * word_bits + bit]);
    }
  }
}

}  // namespace hsap
