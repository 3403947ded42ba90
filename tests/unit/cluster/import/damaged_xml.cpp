#include "machines.hpp"

// Damaged and hostile XML: each error says where, what was found and what was expected.
namespace hsap {
namespace {

using test::error_of;

const std::string head = "<system version=\"1\">\n<cpu numaid=\"0\">\n";
const std::string tail = "</cpu>\n</system>\n";

std::string gpu(const std::string& attributes, const std::string& inside = "") {
  return "<pci busid=\"1\" class=\"0x0302\" " + attributes + "><gpu dev=\"0\" sm=\"90\">" + inside +
         "</gpu></pci>\n";
}

std::string error_in_cpu(const std::string& inside) { return error_of(head + inside + tail); }

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("The smallest machine is fine") { CHECK(error_in_cpu(gpu("")) == "no error"); }

TEST_CASE("A file cut off anywhere is refused") {
  const std::string whole = head + gpu("link_speed=\"32.0 GT/s PCIe\" link_width=\"16\"") + tail;
  for (std::size_t length = 1; length + 1 < whole.size(); ++length) {
    const std::string error = error_of(whole.substr(0, length));
    INFO(length << ": " << error);
    CHECK(error.find("m: line ") == 0);
    CHECK(error.find("found") != std::string::npos);
    CHECK(error.find("expected") != std::string::npos);
  }
  CHECK(error_of(head + gpu("")) ==
        "m: line 4: not well-formed XML; found the end of the file, expected the end tag of every "
        "element, innermost first");
  CHECK(error_of("") ==
        "m: line 1: unknown format; found an empty file, expected NCCL's topology XML, or the "
        "table of nvidia-smi topo -m");
}

TEST_CASE("Entities are neither resolved nor read") {
  const std::string laughs =
      "<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\n";
  CHECK(error_of("<?xml version=\"1.0\"?>\n" + laughs + head + tail)
            .find("m: line 2: document type declaration; found '<!DOCTYPE") == 0);
  CHECK(error_of("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" + head + tail)
            .find("m: line 1: document type declaration") == 0);
  CHECK(error_in_cpu(gpu("link_speed=\"&b;\"")) ==
        "m: line 3: unknown unit in 'link_speed' of <pci>; found '&b;', expected a speed such as "
        "'32.0 GT/s PCIe'");
}

TEST_CASE("Bombs of elements, depth, attributes and names are refused") {
  const std::string too_many = error_in_cpu(repeated("<a/>\n", 200000));
  CHECK(too_many.find("too many elements; found more than 65536, expected at most 65536") !=
        std::string::npos);
  const std::string too_deep = error_in_cpu(repeated("<pci busid=\"1\">", 60000));
  CHECK(too_deep.find("m: line 3: ") == 0);
  const std::string closed = repeated("<a>", 1000) + repeated("</a>", 1000);
  CHECK(error_in_cpu(closed) ==
        "m: line 3: nested too deep; found more than 64 elements inside each other, expected at "
        "most 64");
  std::string attributes;
  for (int i = 0; i < 1000; ++i) attributes += " a" + std::to_string(i) + "=\"\"";
  CHECK(error_in_cpu(gpu(attributes)) ==
        "m: line 3: too many attributes of <pci>; expected at most 64");
  CHECK(error_of("<" + std::string(1 << 20, 'x') + "/>").size() < 500);
  CHECK(error_in_cpu(gpu("", repeated("<nvlink target=\"fffffff:ff:ff.0\" count=\"33\"/>", 2))) ==
        "m: line 3: too many links of <nvlink>; found 66 of '1', expected at most 64 of a GPU");
}

TEST_CASE("A machine beyond the limits of a node is refused") {
  std::string many;
  for (int i = 0; i < 1025; ++i) {
    many += "<pci busid=\"" + std::to_string(i) + "\" class=\"0x0302\"/>\n";
  }
  CHECK(error_in_cpu(many) ==
        "m: too many devices; found 1025 GPUs of 1026, expected at most 1024 GPUs and 4095 in all");
  std::string cpus = "<system version=\"1\">\n";
  for (int i = 0; i < 900; ++i) {
    const std::string number = std::to_string(i);
    cpus += "<cpu numaid=\"" + number + "\"><pci busid=\"" + number + "\" class=\"0x03\"/></cpu>\n";
  }
  CHECK(error_of(cpus + "</system>") ==
        "m: too many links; found more than 16384, expected at most 16384");
}

TEST_CASE("What is no topology is told from a broken one") {
  CHECK(error_of("<html/>") == "m: line 1: not an NCCL topology; found <html>, expected <system>");
  CHECK(error_of("<system/>") ==
        "m: line 1: missing attribute of <system>; found nothing, expected 'version'");
  CHECK(error_of("<system version=\"2\"/>") ==
        "m: line 1: unknown version of <system>; found '2', expected '1'");
  CHECK(error_of("<system version=\"1\"/><system version=\"1\"/>")
            .find("m: line 1: more than one root element") == 0);
  CHECK(error_of("<system version=\"1\"/>") ==
        "m: a machine without GPUs; found no device that is one, expected <gpu> elements, or PCI "
        "devices of class 0x03");
  CHECK(error_of(head + std::string(1, '\0') + tail) ==
        "m: line 3: not text; found a control character, 0x00, expected UTF-8 text");
}

TEST_CASE("Nothing in a file steers the terminal") {
  CHECK(error_in_cpu("<pci busid=\"\x1b[2J\" class=\"0x0302\"/>") ==
        "m: line 3: not text; found a control character, 0x1b, expected UTF-8 text");
  const auto table = topo::import_text("GPU0 NIC\x07\nGPU0 X SYS\nNIC SYS X\n", "m", {});
  REQUIRE(table);
  CHECK(table->origins.back().part == "NIC");
}

TEST_CASE("Attributes that are missing, given twice or out of range") {
  CHECK(error_in_cpu("<pci class=\"0x0302\"/>") ==
        "m: line 3: missing attribute of <pci>; found nothing, expected 'busid'");
  CHECK(error_of("<system version=\"1\">\n<cpu/></system>") ==
        "m: line 2: missing attribute of <cpu>; found nothing, expected 'numaid'");
  CHECK(error_in_cpu(gpu("busid=\"2\"")) ==
        "m: line 3: attribute of <pci> given twice; found 'busid', expected each attribute once");
  CHECK(error_in_cpu(gpu("", "<nvlink count=\"1\"/>")) ==
        "m: line 3: missing attribute of <nvlink>; found nothing, expected 'target'");
  CHECK(error_in_cpu(gpu("", "<nvlink target=\"x\"/>")) ==
        "m: line 3: missing attribute of <nvlink>; found nothing, expected 'count'");
  for (const char* count : {"0", "-1", "65", "4x", "1e3", "99999999999999999999"}) {
    CHECK(error_in_cpu(gpu("", "<nvlink target=\"x\" count=\"" + std::string(count) + "\"/>")) ==
          "m: line 3: bad 'count' of <nvlink>; found '" + std::string(count) +
              "', expected an integer from 1 to 64");
  }
}

TEST_CASE("Wrong units are told") {
  CHECK(error_in_cpu(gpu("link_speed=\"63 GB/s\" link_width=\"16\"")) ==
        "m: line 3: unknown unit in 'link_speed' of <pci>; found '63 GB/s', expected a speed such "
        "as '32.0 GT/s PCIe'");
  const auto nic = [](const std::string& speed) {
    return error_in_cpu("<nic><net name=\"n\" speed=\"" + speed + "\"/></nic>" + gpu(""));
  };
  CHECK(nic("400000") == "no error");
  CHECK(nic("400 Gb/s") ==
        "m: line 3: bad 'speed' of <net>; found '400 Gb/s', expected an integer from -1 to "
        "10000000");
  CHECK(nic("400000000000").find("m: line 3: bad 'speed' of <net>") == 0);
  CHECK(error_in_cpu(gpu("link_width=\"x16\"")) ==
        "m: line 3: bad 'link_width' of <pci>; found 'x16', expected an integer from 0 to 64");
  CHECK(error_in_cpu(gpu("", "<c2c bw=\"447 GB/s\" count=\"1\"/>")).find("bad 'bw' of <c2c>") !=
        std::string::npos);
}

TEST_CASE("Devices given twice, or in the wrong place") {
  CHECK(error_in_cpu(gpu("") + gpu("")) ==
        "m: line 4: bus id given twice of <pci>; found '1', as in line 3, expected each once");
  CHECK(error_in_cpu(gpu("") + "<pci busid=\"2\"><gpu dev=\"0\"/></pci>") ==
        "m: line 4: 'dev' given twice of <gpu>; found '0', as in line 3, expected each once");
  CHECK(error_of("<system version=\"1\"><pci busid=\"1\"/></system>") ==
        "m: line 1: wrong place of <pci>; found it lies inside <system>, expected inside <cpu> or "
        "<pci> of a switch or <pci> or <pci> of another device");
  CHECK(error_in_cpu("<gpu dev=\"0\"/>").find("wrong place of <gpu>; found it lies inside <cpu>") !=
        std::string::npos);
  CHECK(error_in_cpu("<cpu numaid=\"1\"/>").find("wrong place of <cpu>") != std::string::npos);
  CHECK(error_in_cpu(gpu("").insert(gpu("").size() - 7, "<pci busid=\"2\"/>"))
            .find("wrong place of <pci>; found it lies inside <pci> of a GPU") !=
        std::string::npos);
}

}  // namespace hsap
