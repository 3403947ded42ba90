#pragma once

#include <memory>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace hsap::support {

/// SimGrid with the same model as our network, pure max-min sharing: CM02 without latencies, TCP
/// windows, traffic of acknowledgements or correction factors. Actors have stacks of `stack_kib`
/// KiB. A process can have one engine.
[[nodiscard]] inline std::unique_ptr<simgrid::s4u::Engine> simgrid_engine(int stack_kib) {
  std::vector<std::string> texts{"simgrid",
                                 "--log=xbt_cfg.threshold:warning",
                                 "--cfg=network/model:CM02",
                                 "--cfg=network/TCP-gamma:0",
                                 "--cfg=network/crosstraffic:0",
                                 "--cfg=network/latency-factor:1",
                                 "--cfg=network/bandwidth-factor:1",
                                 "--cfg=network/weight-S:0",
                                 "--cfg=contexts/stack-size:" + std::to_string(stack_kib)};
  // SimGrid takes what it knows out of the list, so it gets one of its own.
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(texts.size());
  return std::make_unique<simgrid::s4u::Engine>(&count, arguments.data());
}

}  // namespace hsap::support
