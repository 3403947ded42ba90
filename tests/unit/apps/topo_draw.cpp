#include "apps/topo/draw/draw.hpp"

#include <sstream>

#include "apps/topo/draw/canvas.hpp"
#include "support/golden.hpp"
#include "support/toy_cluster.hpp"

namespace hsap::apps {
namespace {

using test::shipped;

void check_drawing(const std::string& file, const Cluster& cluster) {
  test::check_golden(std::string(HSAP_GOLDEN) + "/draw/" + file, draw(cluster, false));
}

}  // namespace

TEST_CASE("Drawings of shipped clusters") {
  check_drawing("dgx-h100.txt", shipped("dgx-h100", 128));
  check_drawing("dgx-a100.txt", shipped("dgx-a100", 4));
  check_drawing("gb200-nvl72.txt", shipped("gb200-nvl72", 2));
  check_drawing("l20x8-pcie.txt", shipped("l20x8-pcie", 20));
  check_drawing("single-gpu.txt", shipped("single-gpu", 1));
  check_drawing("fit-a800.txt", shipped("fit-a800", 4));
}

TEST_CASE("Drawings of odd machines") {
  const std::vector<Override> tight{{"network.oversubscription", "4"}};
  check_drawing("oversubscribed.txt", shipped("dgx-h100", 200, tight));
  json::Value bridged = test::toy_json();
  bridged["node"]["devices"] = {{"gpu", 4}, {"cpu", 1}, {"nic", 1}};
  bridged["node"]["links"] = json::Value::parse(R"([["gpu[0,2]", "gpu[1,3]", "nvlink"],
    ["gpu[0-3]", "cpu0", "pcie"], ["nic0", "cpu0", "pcie", 2]])");
  bridged["network"]["rails"] = false;
  check_drawing("bridged.txt", test::build_ok(test::read_ok(bridged), 2));
}

TEST_CASE("Switches below switches stand in the box of their socket") {
  json::Value deep = test::toy_json();
  deep["node"]["devices"] = {{"gpu", 4}, {"pcie_switch", 6}, {"cpu", 2}, {"nic", 2}};
  deep["node"]["links"] = json::Value::parse(R"([["gpu[0-3]", "pcie_switch[0-3]", "pcie"],
    ["nic[0-1]", "pcie_switch[0,2]", "pcie"], ["pcie_switch[0-3]", "pcie_switch[4-5]", "pcie"],
    ["pcie_switch[4-5]", "cpu[0-1]", "pcie"], ["cpu0", "cpu1", "socket"]])");
  deep["network"]["rails"] = false;
  check_drawing("two-levels.txt", test::build_ok(test::read_ok(deep), 2));
}

TEST_CASE("Drawings keep to 100 columns") {
  json::Value wide = test::toy_json();
  wide["node"]["devices"] = {{"gpu", 64}, {"pcie_switch", 16}, {"cpu", 1}, {"nic", 64}};
  wide["node"]["links"] = json::Value::parse(R"([["gpu[0-63]", "pcie_switch[0-15]", "pcie"],
    ["nic[0-63]", "pcie_switch[0-15]", "pcie"], ["pcie_switch[0-15]", "cpu0", "pcie"]])");
  for (const Cluster& cluster :
       {test::build_ok(test::read_ok(wide), 3), shipped("gb200-nvl72", 100),
        shipped("dgx-a100", 8000), shipped("l20x8-pcie", 8000)}) {
    std::istringstream lines(draw(cluster, false));
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      CHECK(width_of(line) <= 100);
    }
  }
}

TEST_CASE("Colour adds escape codes and nothing else") {
  const Cluster cluster = shipped("dgx-h100", 2);
  std::string text = draw(cluster, true);
  CHECK(text.find("\x1b[1m") != std::string::npos);
  for (std::size_t at = text.find('\x1b'); at != std::string::npos; at = text.find('\x1b')) {
    text.erase(at, text.find('m', at) - at + 1);
  }
  CHECK(text == draw(cluster, false));
}

TEST_CASE("A canvas counts characters, not bytes") {
  Canvas canvas;
  canvas.put(0, 1, "─│");
  canvas.put(0, 4, "x");
  canvas.fill(1, 0, 3, "═");
  CHECK(canvas.text(false) == " ─│ x\n═══\n");
  CHECK(width_of("─│ x") == 4);
}

}  // namespace hsap::apps
