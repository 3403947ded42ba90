#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/attention/next_unit.hpp"
#include "kernels/attention/ring.hpp"
#include "kernels/attention/softmax.hpp"
#include "kernels/primitive/primitive.hpp"

/// The forward pass on Hopper. A block is one producer warpgroup, of which one thread feeds tiles
/// by TMA, and two or three consumer warpgroups of 64 query rows each. Blocks stay for the whole
/// launch and take tiles off a counter, longest first.
///
/// A consumer issues the next product of scores before the softmax of the current one needs its
/// registers, and takes turns with the others, so that one computes exponentials while another
/// keeps the tensor cores busy. Known from FlashAttention-3 (Shah et al., 2024).
namespace hsap::kernels {

template <int HeadDim>
struct ForwardHopper {
  static constexpr int consumers = HeadDim == 128 ? 2 : 3;
  static constexpr int rows = 64 * consumers;
  static constexpr int keys = 128;
  static constexpr int stages = 2;
  static constexpr int threads = gpu::warpgroup_size * (consumers + 1);
  static constexpr int producer_registers = consumers == 2 ? 40 : 32;
  static constexpr int consumer_registers = consumers == 2 ? 232 : 160;

  static constexpr int panels = HeadDim / 64;
  static constexpr std::uint32_t q_bytes = rows * HeadDim * 2;
  static constexpr std::uint32_t stage_bytes = keys * HeadDim * 2;
  // Shared memory, from its base on.
  static constexpr std::uint32_t q_at = 0;
  static constexpr std::uint32_t k_at = q_at + q_bytes;
  static constexpr std::uint32_t v_at = k_at + stages * stage_bytes;
  static constexpr std::uint32_t barriers_at = v_at + stages * stage_bytes;
  static constexpr std::uint32_t q_full_at = barriers_at;
  static constexpr std::uint32_t q_empty_at = barriers_at + 8;
  static constexpr std::uint32_t k_full_at = barriers_at + 16;
  static constexpr std::uint32_t k_empty_at = k_full_at + 8 * stages;
  static constexpr std::uint32_t v_full_at = k_empty_at + 8 * stages;
  static constexpr std::uint32_t v_empty_at = v_full_at + 8 * stages;
  static constexpr std::uint32_t work_at = v_empty_at + 8 * stages;
  static constexpr std::uint32_t shared_bytes = work_at + 16;

  using Stage = RingStage<stages>;

  HSAP_DEVICE static void run(const ForwardArguments& on, const ForwardMaps& maps) {
    const gpu::SharedAddress base = gpu::shared_base();
    if (gpu::thread_index() == 0) {
      gpu::tma_prefetch(maps.q);
      gpu::tma_prefetch(maps.k);
      gpu::tma_prefetch(maps.v);
      constexpr int consumer_warps = 4 * consumers;
      gpu::mbarrier_init(base + q_full_at, 1);
      gpu::mbarrier_init(base + q_empty_at, consumer_warps);
      for (int i = 0; i < stages; ++i) {
        gpu::mbarrier_init(base + k_full_at + 8 * i, 1);
        gpu::mbarrier_init(base + k_empty_at + 8 * i, consumer_warps);
        gpu::mbarrier_init(base + v_full_at + 8 * i, 1);
        gpu::mbarrier_init(base + v_empty_at + 8 * i, consumer_warps);
      }
      gpu::fence_mbarrier_init();
    }
    gpu::sync_block();
    if (gpu::warp_index() < 4) {
      gpu::lower_registers<producer_registers>();
      if (gpu::thread_index() == 0) produce(on.work, maps, base);
    } else {
      gpu::raise_registers<consumer_registers>();
      consume(on, base, gpu::warp_index() / 4 - 1);
    }
  }

 private:
  /// Feeds tile after tile. Tells consumers the number of the work in front of each Q.
  HSAP_DEVICE static void produce(const Work& on, const ForwardMaps& maps,
                                  gpu::SharedAddress base) {
    const int units = on.tiles.count * on.heads;
    Stage stage;
    int q_parity = 1;  // the first waits for an empty place return at once
    for (;;) {
      const int work = next_unit(on.next, units);
      const bool over = work >= units;
      // Read before the wait, not in series with it and the copies.
      const Tile tile = over ? Tile{} : on.tiles.tiles[work / on.heads];
      Steps steps(tile, on.tiles.runs, keys);
      gpu::mbarrier_wait(base + q_empty_at, q_parity);
      q_parity ^= 1;
      gpu::store_shared(base + work_at, over ? -1 : work);
      if (over) {
        gpu::mbarrier_arrive(base + q_full_at);
        return;
      }
      const int head = work % on.heads;
      const int key_head = on.key_head(head);
      if (steps.done()) {
        gpu::mbarrier_arrive(base + q_full_at);
        continue;
      }
      gpu::mbarrier_arrive_expect(base + q_full_at, q_bytes);
      for (int panel = 0; panel < panels; ++panel) {
        gpu::tma_load(maps.q, base + q_at + panel * rows * gpu::swizzle_row_bytes, base + q_full_at,
                      64 * panel, head, tile.row_begin);
      }
      for (; !steps.done(); steps.next(), stage.next()) {
        feed(maps.k, base + k_at, base + k_full_at, base + k_empty_at, stage, key_head,
             steps.column());
        feed(maps.v, base + v_at, base + v_full_at, base + v_empty_at, stage, key_head,
             steps.column());
      }
    }
  }

  HSAP_DEVICE static void feed(const gpu::TensorMap& map, gpu::SharedAddress ring,
                               gpu::SharedAddress full, gpu::SharedAddress empty,
                               const Stage& stage, int head, int row) {
    gpu::mbarrier_wait(empty + 8 * stage.index(), stage.parity() ^ 1);
    gpu::mbarrier_arrive_expect(full + 8 * stage.index(), stage_bytes);
    for (int panel = 0; panel < panels; ++panel) {
      gpu::tma_load(map, ring + stage.index() * stage_bytes + panel * keys * gpu::swizzle_row_bytes,
                    full + 8 * stage.index(), 64 * panel, head, row);
    }
  }

  /// Consumers issue their products one after the other.
  HSAP_DEVICE static void take_turn(int consumer) {
    gpu::named_barrier_sync(1 + consumer, 2 * gpu::warpgroup_size);
  }
  HSAP_DEVICE static void pass_turn(int consumer) {
    gpu::named_barrier_arrive(1 + (consumer + 1) % consumers, 2 * gpu::warpgroup_size);
  }

  using Scores = float[keys / 2];
  using Outputs = float[HeadDim / 2];
  using Weights = std::uint32_t[keys / 16][4];

  HSAP_DEVICE static void consume(const ForwardArguments& on, gpu::SharedAddress base,
                                  int consumer) {
    // The first turn is nobody's to pass.
    if (consumer == consumers - 1) pass_turn(consumer);
    Stage stage;
    int q_parity = 0;
    for (;;) {
      gpu::mbarrier_wait(base + q_full_at, q_parity);
      q_parity ^= 1;
      const int work = gpu::load_shared<int>(base + work_at);
      if (work < 0) break;
      const Tile tile = on.work.tiles.tiles[work / on.work.heads];
      const int head = work % on.work.heads;
      attend(on, base, consumer, tile, head, stage);
    }
    // Leaves no barrier half full.
    if (consumer == 0) take_turn(consumer);
  }

  HSAP_DEVICE static void attend(const ForwardArguments& on, gpu::SharedAddress base, int consumer,
                                 const Tile& tile, int head, Stage& stage) {
    // Consumers' warps have 16 rows each, one after the other.
    const int first_row = tile.row_begin + 16 * (gpu::warp_index() - 4) + gpu::lane_index() / 4;
    Steps steps(tile, on.work.tiles.runs, keys);
    Softmax softmax(on.work.scale * log2_e);
    Outputs o;
    HSAP_UNROLL
    for (int i = 0; i < HeadDim / 2; ++i) o[i] = 0;
    if (!steps.done()) {
      Scores s;
      Weights p;
      const gpu::SharedAddress q = base + q_at;

      gpu::mbarrier_wait(base + k_full_at + 8 * stage.index(), stage.parity());
      take_turn(consumer);
      multiply_keys(s, q, base + k_at + stage.index() * stage_bytes, consumer);
      pass_turn(consumer);
      gpu::wgmma_wait<0>();
      gpu::hold_registers(s);
      release(base + k_empty_at + 8 * stage.index());
      if (steps.masked()) hide_masked(s, steps, on.work.tiles.bands, first_row);
      softmax.add(s);
      pack(p, s);
      step_ahead(steps, stage.after(), base);

      while (!steps.done()) {
        const Stage ahead = stage.after();
        take_turn(consumer);
        multiply_keys(s, q, base + k_at + ahead.index() * stage_bytes, consumer);
        gpu::mbarrier_wait(base + v_full_at + 8 * stage.index(), stage.parity());
        multiply_values(o, p, base + v_at + stage.index() * stage_bytes);
        pass_turn(consumer);
        gpu::wgmma_wait<1>();
        gpu::hold_registers(s);
        release(base + k_empty_at + 8 * ahead.index());
        if (steps.masked()) hide_masked(s, steps, on.work.tiles.bands, first_row);
        softmax.add(s);
        step_ahead(steps, ahead.after(), base);
        gpu::wgmma_wait<0>();
        gpu::hold_registers(o);
        release(base + v_empty_at + 8 * stage.index());
        softmax.shrink(o);
        pack(p, s);
        stage = ahead;
      }
      release(base + q_empty_at);
      gpu::mbarrier_wait(base + v_full_at + 8 * stage.index(), stage.parity());
      multiply_values(o, p, base + v_at + stage.index() * stage_bytes);
      gpu::wgmma_wait<0>();
      gpu::hold_registers(o);
      release(base + v_empty_at + 8 * stage.index());
      stage.next();
    } else {
      release(base + q_empty_at);
    }
    write_rows(on, o, softmax, first_row, tile.row_begin + tile.rows, head);
  }

  /// On to the next step, and when there is one, waits for its keys. Between a softmax and a
  /// wgmma_wait it has a second use: ptxas moves arithmetic below a wait when no branch lies in
  /// between, and away from the product that it should run beside.
  HSAP_DEVICE static void step_ahead(Steps& steps, const Stage& ahead, gpu::SharedAddress base) {
    steps.next();
    if (!steps.done()) {
      gpu::mbarrier_wait(base + k_full_at + 8 * ahead.index(), ahead.parity());
    }
  }

  /// s = Q K^T of this consumer's 64 rows.
  HSAP_DEVICE static void multiply_keys(Scores& s, gpu::SharedAddress q, gpu::SharedAddress k,
                                        int consumer) {
    gpu::wgmma_fence();
    HSAP_UNROLL
    for (int step = 0; step < HeadDim / 16; ++step) {
      gpu::wgmma<gpu::Operand::contracted, gpu::Operand::contracted>(
          s, gpu::contracted_operand(q, rows, 64 * consumer, 16 * step),
          gpu::contracted_operand(k, keys, 0, 16 * step), step > 0);
    }
    gpu::wgmma_commit();
  }

  /// o += P V.
  HSAP_DEVICE static void multiply_values(Outputs& o, Weights& p, gpu::SharedAddress v) {
    gpu::wgmma_fence();
    HSAP_UNROLL
    for (int step = 0; step < keys / 16; ++step) {
      gpu::wgmma<gpu::Operand::crossed>(o, p[step], gpu::crossed_operand(v, keys, 0, 16 * step),
                                        true);
    }
    gpu::wgmma_commit();
  }
};

}  // namespace hsap::kernels
