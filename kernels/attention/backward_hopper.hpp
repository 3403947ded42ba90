#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/attention/gradients.hpp"
#include "kernels/attention/next_unit.hpp"
#include "kernels/attention/ring.hpp"
#include "kernels/attention/softmax.hpp"
#include "kernels/primitive/primitive.hpp"

/// The backward pass on Hopper. A block keeps 128 keys and values and walks over the queries of all
/// heads that see them, 64 at a time: a producer warp feeds queries, output gradients, log-sum-exps
/// and deltas; each of two consumer warpgroups has 64 keys.
///
/// Scores are computed transposed (keys x queries), so that weights P and score gradients dS leave
/// the softmax as operands in registers:
///   S = K Q^T, dP = V dO^T, P = exp(S - lse), dS = P (dP - delta)
///   dV += P dO, dK += dS Q   in registers over the whole walk
///   dQ = dS^T K              through shared memory, since it sums over the keys of both
///   warpgroups;
///                            each warpgroup takes half of the columns and adds them in device
///                            memory
namespace hsap::kernels {

template <int HeadDim>
struct BackwardHopper {
  static constexpr int consumers = 2;
  static constexpr int keys = 64 * consumers;
  static constexpr int queries = 64;
  static constexpr int stages = 2;
  static constexpr int threads = gpu::warpgroup_size * (consumers + 1);
  static constexpr int producer_registers = 24;
  static constexpr int consumer_registers = 240;

  static constexpr int panels = HeadDim / 64;
  static constexpr std::uint32_t keys_bytes = keys * HeadDim * 2;
  static constexpr std::uint32_t queries_bytes = queries * HeadDim * 2;
  static constexpr std::uint32_t ds_bytes = keys * queries * 2;
  static constexpr std::uint32_t numbers_bytes = queries * 4;
  // Shared memory, from its base on.
  static constexpr std::uint32_t k_at = 0;
  static constexpr std::uint32_t v_at = k_at + keys_bytes;
  static constexpr std::uint32_t q_at = v_at + keys_bytes;
  static constexpr std::uint32_t dout_at = q_at + stages * queries_bytes;
  static constexpr std::uint32_t ds_at = dout_at + stages * queries_bytes;
  static constexpr std::uint32_t lse_at = ds_at + 2 * ds_bytes;
  static constexpr std::uint32_t delta_at = lse_at + stages * numbers_bytes;
  static constexpr std::uint32_t barriers_at = delta_at + stages * numbers_bytes;
  static constexpr std::uint32_t kv_full_at = barriers_at;
  static constexpr std::uint32_t kv_empty_at = barriers_at + 8;
  static constexpr std::uint32_t q_full_at = barriers_at + 16;
  static constexpr std::uint32_t q_empty_at = q_full_at + 8 * stages;
  static constexpr std::uint32_t dout_full_at = q_empty_at + 8 * stages;
  static constexpr std::uint32_t dout_empty_at = dout_full_at + 8 * stages;
  static constexpr std::uint32_t work_at = dout_empty_at + 8 * stages;
  static constexpr std::uint32_t shared_bytes = work_at + 16;

  using Stage = RingStage<stages>;

  HSAP_DEVICE static void run(const BackwardArguments& on, const BackwardMaps& maps) {
    const gpu::SharedAddress base = gpu::shared_base();
    if (gpu::thread_index() == 0) {
      gpu::tma_prefetch(maps.q);
      gpu::tma_prefetch(maps.k);
      gpu::tma_prefetch(maps.v);
      gpu::tma_prefetch(maps.dout);
      constexpr int consumer_warps = 4 * consumers;
      gpu::mbarrier_init(base + kv_full_at, 1);
      gpu::mbarrier_init(base + kv_empty_at, consumer_warps);
      for (int i = 0; i < stages; ++i) {
        gpu::mbarrier_init(base + q_full_at + 8 * i, 1);
        gpu::mbarrier_init(base + q_empty_at + 8 * i, consumer_warps);
        gpu::mbarrier_init(base + dout_full_at + 8 * i, 1);
        gpu::mbarrier_init(base + dout_empty_at + 8 * i, consumer_warps);
      }
      gpu::fence_mbarrier_init();
    }
    gpu::sync_block();
    if (gpu::warp_index() < 4) {
      gpu::lower_registers<producer_registers>();
      if (gpu::warp_index() == 0) produce(on, maps, base);
    } else {
      gpu::raise_registers<consumer_registers>();
      consume(on, base, gpu::warp_index() / 4 - 1);
    }
  }

 private:
  /// Feeds tile after tile, with the number of the work in front of each. All lanes walk together,
  /// one of them tells TMA what to copy.
  HSAP_DEVICE static void produce(const BackwardArguments& on, const BackwardMaps& maps,
                                  gpu::SharedAddress base) {
    const bool leads = gpu::lane_index() == 0;
    const int units = on.work.tiles.count * on.work.key_heads;
    Stage stage;
    int kv_parity = 1;
    for (;;) {
      const int work = gpu::shuffle(leads ? next_unit(on.work.next, units) : 0, 0);
      const bool over = work >= units;
      // Read before the wait, not in series with it and the copies.
      const Tile tile = over ? Tile{} : on.work.tiles.tiles[work / on.work.key_heads];
      gpu::mbarrier_wait(base + kv_empty_at, kv_parity);
      kv_parity ^= 1;
      // Consumers may give back at once what has no steps. A lane that has not seen this phase by
      // then would take the next one for it.
      gpu::sync_warp();
      if (over) {
        if (leads) {
          gpu::store_shared(base + work_at, -1);
          gpu::mbarrier_arrive(base + kv_full_at);
        }
        return;
      }
      const int key_head = work % on.work.key_heads;
      if (leads) {
        gpu::store_shared(base + work_at, work);
        gpu::mbarrier_arrive_expect(base + kv_full_at, 2 * keys_bytes);
        load(maps.k, base + k_at, base + kv_full_at, keys, key_head, tile.row_begin);
        load(maps.v, base + v_at, base + kv_full_at, keys, key_head, tile.row_begin);
      }
      for (int head = on.work.heads_begin(key_head); head < on.work.heads_end(key_head); ++head) {
        for (Steps steps(tile, on.work.tiles.runs, queries); !steps.done();
             steps.next(), stage.next()) {
          feed(on, maps, base, stage, head, steps.column(), leads);
        }
      }
    }
  }

  HSAP_DEVICE static void load(const gpu::TensorMap& map, gpu::SharedAddress to,
                               gpu::SharedAddress full, int rows, int head, int row) {
    for (int panel = 0; panel < panels; ++panel) {
      gpu::tma_load(map, to + panel * rows * gpu::swizzle_row_bytes, full, 64 * panel, head, row);
    }
  }

  /// One step: 64 queries of a head.
  HSAP_DEVICE static void feed(const BackwardArguments& on, const BackwardMaps& maps,
                               gpu::SharedAddress base, const Stage& stage, int head, int row,
                               bool leads) {
    // Read before the wait, not in series with it and the copies.
    constexpr int count = queries / gpu::warp_size;
    float lse[count];
    float delta[count];
    HSAP_UNROLL
    for (int i = 0; i < count; ++i) {
      const int at = row + i * gpu::warp_size + gpu::lane_index();
      const bool inside = at < on.work.query_rows;
      lse[i] = inside ? *on.lse.at(at, head) : minus_infinity;
      delta[i] = inside ? *on.delta.at(at, head) : 0.0f;
    }
    gpu::mbarrier_wait(base + q_empty_at + 8 * stage.index(), stage.parity() ^ 1);
    const gpu::SharedAddress numbers = base + stage.index() * numbers_bytes + 4 * gpu::lane_index();
    HSAP_UNROLL
    for (int i = 0; i < count; ++i) {
      gpu::store_shared(numbers + lse_at + 4 * gpu::warp_size * i, exponent_base(lse[i]));
      gpu::store_shared(numbers + delta_at + 4 * gpu::warp_size * i, delta[i]);
    }
    gpu::sync_warp();
    if (leads) {
      const gpu::SharedAddress full = base + q_full_at + 8 * stage.index();
      gpu::mbarrier_arrive_expect(full, queries_bytes);
      load(maps.q, base + q_at + stage.index() * queries_bytes, full, queries, head, row);
    }
    gpu::mbarrier_wait(base + dout_empty_at + 8 * stage.index(), stage.parity() ^ 1);
    // Consumers may give dO back again before a late lane has seen that they did.
    gpu::sync_warp();
    if (leads) {
      const gpu::SharedAddress full = base + dout_full_at + 8 * stage.index();
      gpu::mbarrier_arrive_expect(full, queries_bytes);
      load(maps.dout, base + dout_at + stage.index() * queries_bytes, full, queries, head, row);
    }
  }

  using Scores = float[queries / 2];
  using Operand = std::uint32_t[queries / 16][4];
  using KeyGradients = float[HeadDim / 2];
  using QueryGradients = float[HeadDim / 4];

  HSAP_DEVICE static void consume(const BackwardArguments& on, gpu::SharedAddress base,
                                  int consumer) {
    Stage stage;
    int kv_parity = 0;
    for (;;) {
      gpu::mbarrier_wait(base + kv_full_at, kv_parity);
      kv_parity ^= 1;
      const int work = gpu::load_shared<int>(base + work_at);
      if (work < 0) return;
      const Tile& tile = on.work.tiles.tiles[work / on.work.key_heads];
      const int key_head = work % on.work.key_heads;
      KeyGradients dk;
      KeyGradients dv;
      HSAP_UNROLL
      for (int i = 0; i < HeadDim / 2; ++i) dk[i] = dv[i] = 0;
      for (int head = on.work.heads_begin(key_head); head < on.work.heads_end(key_head); ++head) {
        for (Steps steps(tile, on.work.tiles.runs, queries); !steps.done();
             steps.next(), stage.next()) {
          step(on, base, consumer, stage, tile, steps, head, dk, dv);
        }
      }
      release(base + kv_empty_at);
      const int first_row = tile.row_begin + first_row_in_tile(consumer);
      add_rows(on.dk, dk, on.work.scale, first_row, tile.row_begin + tile.rows, key_head);
      add_rows(on.dv, dv, 1, first_row, tile.row_begin + tile.rows, key_head);
    }
  }

  /// The first of this thread's two rows of keys.
  HSAP_DEVICE static int first_row_in_tile(int consumer) {
    const int thread = gpu::thread_index() % gpu::warpgroup_size;
    return 64 * consumer + gpu::accumulator_place(thread, 0).row;
  }

  HSAP_DEVICE static void step(const BackwardArguments& on, gpu::SharedAddress base, int consumer,
                               const Stage& stage, const Tile& tile, const Steps& steps, int head,
                               KeyGradients& dk, KeyGradients& dv) {
    const gpu::SharedAddress q = base + q_at + stage.index() * queries_bytes;
    const gpu::SharedAddress dout = base + dout_at + stage.index() * queries_bytes;
    // Two places in turn, so that one barrier a step is enough.
    static_assert(stages == 2);
    const gpu::SharedAddress ds = base + ds_at + stage.index() * ds_bytes;
    Scores s;
    Scores dp;
    Operand p16;
    Operand ds16;
    gpu::mbarrier_wait(base + q_full_at + 8 * stage.index(), stage.parity());
    multiply_rows(s, base + k_at, q, consumer);
    gpu::mbarrier_wait(base + dout_full_at + 8 * stage.index(), stage.parity());
    multiply_rows(dp, base + v_at, dout, consumer);
    gpu::wgmma_wait<1>();
    gpu::hold_registers(s);
    // Rows beyond the tile belong to others, but would count in dQ.
    if (tile.rows < keys || steps.masked()) {
      hide_masked(s, steps, on.work.tiles.bands, tile.row_begin + first_row_in_tile(consumer));
    }
    const gpu::SharedAddress numbers = base + stage.index() * numbers_bytes;
    to_weights(s, on.work.scale * log2_e, numbers + lse_at);
    pack(p16, s);
    // Has been there since the product of dP began. But ptxas moves arithmetic below a wgmma_wait
    // when no branch lies in between, and this belongs beside that product.
    gpu::mbarrier_wait(base + dout_full_at + 8 * stage.index(), stage.parity());
    gpu::wgmma_wait<0>();
    accumulate(dv, p16, dout);
    gpu::hold_registers(dp);
    to_score_gradients(dp, s, numbers + delta_at);
    pack(ds16, dp);
    write_ds(ds, ds16, consumer);
    gpu::fence_async_proxy();
    // Both have written dS; and both have read the dS of the step before, which lies in the place
    // that the next step writes.
    gpu::named_barrier_sync(1, gpu::warpgroup_size * consumers);
    QueryGradients dq;
    multiply_keys(dq, ds, base + k_at, consumer);
    accumulate(dk, ds16, q);
    gpu::wgmma_wait<1>();
    gpu::hold_registers(dv);
    gpu::hold_registers(dq);
    release(base + dout_empty_at + 8 * stage.index());
    add_queries(on, dq, steps, head, consumer);
    gpu::wgmma_wait<0>();
    gpu::hold_registers(dk);
    release(base + q_empty_at + 8 * stage.index());
  }

  /// s = A B^T: this warpgroup's 64 keys of A against all queries of B.
  HSAP_DEVICE static void multiply_rows(Scores& s, gpu::SharedAddress a, gpu::SharedAddress b,
                                        int consumer) {
    gpu::wgmma_fence();
    HSAP_UNROLL
    for (int k = 0; k < HeadDim; k += 16) {
      gpu::wgmma<gpu::Operand::contracted, gpu::Operand::contracted>(
          s, gpu::contracted_operand(a, keys, 64 * consumer, k),
          gpu::contracted_operand(b, queries, 0, k), k > 0);
    }
    gpu::wgmma_commit();
  }

  /// sum += A B, with A (64 keys x queries) in registers.
  HSAP_DEVICE static void accumulate(KeyGradients& sum, Operand& a, gpu::SharedAddress b) {
    gpu::wgmma_fence();
    HSAP_UNROLL
    for (int k = 0; k < queries; k += 16) {
      gpu::wgmma<gpu::Operand::crossed>(sum, a[k / 16], gpu::crossed_operand(b, queries, 0, k),
                                        true);
    }
    gpu::wgmma_commit();
  }

  /// dq = dS^T K, this warpgroup's half of the columns.
  HSAP_DEVICE static void multiply_keys(QueryGradients& dq, gpu::SharedAddress ds,
                                        gpu::SharedAddress k, int consumer) {
    gpu::wgmma_fence();
    HSAP_UNROLL
    for (int key = 0; key < keys; key += 16) {
      gpu::wgmma<gpu::Operand::crossed, gpu::Operand::crossed>(
          dq, gpu::crossed_operand(ds, keys, 0, key),
          gpu::crossed_operand(k, keys, HeadDim / 2 * consumer, key), key > 0);
    }
    gpu::wgmma_commit();
  }

  /// dS as a tile of 128 keys x 64 queries. The swizzle keeps the rows of a warp off each other's
  /// banks.
  HSAP_DEVICE static void write_ds(gpu::SharedAddress ds, const Operand& ds16, int consumer) {
    const int lane = gpu::lane_index();
    const int row = 64 * consumer + 16 * (gpu::warp_index() % 4) + lane % 16;
    HSAP_UNROLL
    for (int k = 0; k < queries / 16; ++k) {
      gpu::store_matrices(ds + gpu::panel_offset(keys, row, 2 * (16 * k + 8 * (lane / 16))),
                          ds16[k]);
    }
  }

  HSAP_DEVICE static void add_queries(const BackwardArguments& on, const QueryGradients& dq,
                                      const Steps& steps, int head, int consumer) {
    const int thread = gpu::thread_index() % gpu::warpgroup_size;
    const int first_row = steps.column() + gpu::accumulator_place(thread, 0).row;
    add_rows_atomic(on.dq, dq, on.work.scale, first_row, steps.run().column_end, head,
                    HeadDim / 2 * consumer);
  }
};

}  // namespace hsap::kernels
