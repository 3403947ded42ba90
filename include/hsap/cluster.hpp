#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/link_path.hpp"
#include "hsap/override.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// Every link belongs to one class; the class carries the numbers, so that one `--set` changes
/// all of them.
enum class LinkClass : std::uint8_t { nvlink, pcie, socket, nic, fabric };
inline constexpr int link_classes = 5;
[[nodiscard]] std::string_view to_string(LinkClass link_class);

/// One direction of one link.
struct LinkCurve {
  double bandwidth_bytes_per_s = 0;  ///< what a large message reaches
  double latency_s = 0;              ///< added once per link on the route
  double ramp_bytes = 0;             ///< message size that reaches half the bandwidth alone
};

/// Constants of one attention pass on one device. A kernel works on tiles of query rows by key
/// columns; forward, a thread block owns a query tile of one head and walks its key tiles;
/// backward it owns a key tile and walks query tiles. docs/cost-model.md gives the model.
struct AttentionKernel {
  int tile_query = 128;           ///< rows
  int tile_key = 128;             ///< columns
  double flop_per_s = 0;          ///< whole device on full tiles at head_dim 128
  double block_overhead_s = 0;    ///< prologue and epilogue of one thread block
  double launch_s = 0;            ///< shortest possible kernel, device side
  double lone_block_rate = 1;     ///< speed of a multiprocessor that holds a single block, as a
                                  ///< share of its speed when full; (0, 1]
  double fixed_share = 0;         ///< share of a tile's time that does not shrink with head_dim
                                  ///< (the exponentials); [0, 1]
  bool splits_keys = false;       ///< splits the walk of a block when blocks are too few to fill
                                  ///< the device (FlashAttention-2 forward)
  bool longest_first = true;      ///< starts the longest blocks first; otherwise last
  bool by_head = false;           ///< ... of each head, and starts heads one after another
  double ragged_slowdown = 0;     ///< tiles take 1 + this times as long when rows or columns of a
                                  ///< slice are no multiple of the tile and every one is checked
  double overhead_row_share = 0;  ///< share of block_overhead_s that goes with the rows a block has
                                  ///< (queries read, results written), of those of a tile; [0, 1]
};

/// One GPU model.
struct Device {
  std::string name;
  double memory_bytes = 0;
  double memory_bandwidth_bytes_per_s = 0;  ///< read plus write, large copies
  double peak_flop_per_s = 0;               ///< dense bf16, data sheet: the base of MFU
  double matmul_flop_per_s = 0;             ///< dense bf16, large matrix products as measured
  double matmul_fp8_flop_per_s = 0;         ///< the same in FP8; 0: unknown, or there is none
  double host_bandwidth_bytes_per_s = 0;  ///< to the host's memory, and from it, while all GPUs of
                                          ///< a node copy; 0: unknown
  int multiprocessors = 1;
  double kernel_launch_s = 3e-6;   ///< shortest element-wise kernel, device side
  double channel_bytes_per_s = 0;  ///< what one thread block that copies a message to another GPU
                                   ///< of the node moves; 0: unknown
  AttentionKernel forward;
  AttentionKernel backward;
};

/// More GPUs than this in one cluster are refused.
inline constexpr int max_cluster_gpus = 65536;

/// What a cluster file says: one node as a small graph, and how nodes are joined.
/// File format: docs/cluster-format.md.
struct ClusterSpec {
  enum class DeviceKind : std::uint8_t { gpu, nvswitch, pcie_switch, cpu, nic };
  struct NodeDevice {
    std::string name;
    DeviceKind kind = DeviceKind::gpu;
    friend bool operator==(const NodeDevice&, const NodeDevice&) = default;
  };
  struct NodeLink {
    int from = 0;  ///< index into devices; links are full duplex
    int to = 0;
    LinkClass link_class = LinkClass::nvlink;
    double count = 1;  ///< parallel lanes of the class's bandwidth
    friend bool operator==(const NodeLink&, const NodeLink&) = default;
  };
  /// What the numbers were fitted on; outside of it a prediction is extrapolated. Nothing where the
  /// file does not say.
  struct Calibrated {
    struct Range {
      double low = 0;
      double high = 0;
    };
    std::optional<Range> tokens;                 ///< queries and keys of an attention kernel
    std::optional<Range> heads;                  ///< of an attention kernel
    std::optional<Range> head_dim;               ///< of an attention kernel
    std::optional<Range> node_message_bytes;     ///< inside a node
    std::optional<Range> network_message_bytes;  ///< between nodes
    std::optional<Range> nodes;                  ///< of messages between nodes
  };
  std::string file;  ///< where it was read, for errors
  std::string name;
  std::string description;
  std::vector<std::string> sources;
  Device device;
  /// By LinkClass; bandwidth 0 means "no such link here". Of the fabric it is what one NIC gets of
  /// its leaf's uplink, nic bandwidth / oversubscription; a file does not give it.
  LinkCurve curves[link_classes];
  std::vector<NodeDevice> devices;
  std::vector<NodeLink> links;
  double in_switch = 0;  ///< reductions inside NVSwitch run at this share of NVLink; 0: none
  double host_memory_bytes = 0;  ///< of a node; 0: unknown
  int nodes_per_leaf = 1;        ///< nodes under one leaf switch of a rail
  bool rails = true;             ///< NIC i of every node joins rail i; otherwise all share leaves
  double oversubscription = 1;   ///< leaf downlink over uplink bandwidth
  double node_bandwidth_bytes_per_s = 0;  ///< what all NICs of a node send, or receive, together;
                                          ///< 0: as much as each alone
  int max_nodes = 0;                      ///< 0: any number up to max_cluster_gpus
  Calibrated calibrated;

  [[nodiscard]] int gpus_per_node() const;
};

/// Reads topologies/NAME.json or a path, applies the overrides (but for "model." and "runtime."
/// ones), checks everything. An unknown path is an error that lists near misses.
[[nodiscard]] Result<ClusterSpec> load_cluster(const std::string& name_or_path,
                                               std::span<const Override> overrides = {});

/// One direction of a physical link of the whole cluster.
struct Link {
  std::uint32_t from = 0;  ///< vertex
  std::uint32_t to = 0;    ///< vertex
  LinkClass link_class = LinkClass::nvlink;
  double bandwidth_bytes_per_s = 0;
};

/// The way a message takes between two GPUs. Same GPU: no links, a copy in memory.
struct Route {
  /// The links whose bandwidth the message shares with others, in order. Links between leaf and
  /// spine of a fabric without oversubscription are left out: they can never be what limits.
  LinkPath links;
  double latency_s = 0;              ///< sum over all links passed
  double ramp_bytes = 0;             ///< the longest on the way in seconds, at this bandwidth
  double bandwidth_bytes_per_s = 0;  ///< smallest on the way, for one message alone
  bool inter_node = false;
};

/// A cluster of N nodes as a graph of devices and directed links, with a route for every pair of
/// GPUs. Immutable after build, so safe to share between threads. GPU g sits on node
/// g / gpus_per_node.
class Cluster {
 public:
  /// Errors: a GPU without a way to another ("disconnected graph"), more nodes than max_nodes.
  static Result<Cluster> build(const ClusterSpec& spec, int nodes);

  Cluster(Cluster&&) noexcept;
  Cluster& operator=(Cluster&&) noexcept;
  ~Cluster();

  [[nodiscard]] const ClusterSpec& spec() const;
  [[nodiscard]] int nodes() const;
  [[nodiscard]] int gpus() const;
  [[nodiscard]] int gpus_per_node() const;
  [[nodiscard]] int node_of(int gpu) const { return gpu / gpus_per_node(); }
  [[nodiscard]] std::span<const Link> links() const;
  /// "node3.gpu1 -> node3.nvswitch0", "node0.nic2 -> rail2.leaf0", "rail2.leaf0 -> spine".
  [[nodiscard]] std::string link_name(LinkId link) const;
  /// Inside a node: over NVLink alone where it joins the two GPUs, otherwise over everything but
  /// other GPUs and NICs. Between nodes: through the NIC nearest to each GPU; switching rails goes
  /// over NVLink to the GPU on the wanted rail where there is one (as NCCL's PXN does), otherwise
  /// over the spine. Of several ways the shortest by latency, then by links, then by the order of
  /// devices.
  [[nodiscard]] Route route(int from_gpu, int to_gpu) const;

 private:
  struct Graph;
  class Builder;
  explicit Cluster(std::unique_ptr<Graph> graph);
  std::unique_ptr<Graph> graph_;
};

}  // namespace hsap
