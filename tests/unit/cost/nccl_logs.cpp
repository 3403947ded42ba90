#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "cost/measurements/nccl_log.hpp"
#include "cost/measurements/read.hpp"
#include "support/folder.hpp"

// Logs of nccl-tests in the forms that its versions print, and what is wrong with others.
namespace hsap {
namespace {

std::string rank_lines(int ranks, int per_host) {
  std::string text;
  for (int r = 0; r < ranks; ++r) {
    text += fmt::format("#  Rank {:2} Group  0 Pid  {} on node{} device {:2} [0000:1b:00] H100\n",
                        r, 100 + r, r / per_host, r % per_host);
  }
  return text;
}

const std::string header =
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     "
    "time   algbw   busbw #wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            "
    "(us)  (GB/s)  (GB/s)\n";
const std::string row =
    "     1048576        262144     float    none      -1    24.00   43.69   43.69      0    23.00 "
    "  45.59   45.59    N/A\n";
const std::string footer = "# Avg bus bandwidth    : 100.5 \n#\n";

std::string sendrecv_log(const std::string& rows) {
  return "# nThread 1 nGpus 8 minBytes 1048576\n#\n# Using devices\n" + rank_lines(4, 2) + "#\n" +
         header + rows + footer;
}

Status read(const std::string& text, fit::Data& data, const std::string& name = "sendrecv.log") {
  const test::Folder folder;
  return fit::read_nccl(folder.write(name, text), 8, data);
}

Error refused(const std::string& text, const std::string& name = "sendrecv.log") {
  fit::Data data;
  const Status status = read(text, data, name);
  return status.ok() ? bad_input("none") : status.error();
}

const std::string json_log = R"({"version": 3, "args": ["./build/sendrecv_perf", "-J", "x"],
  "env": ["SECRET=1"], "config": {"devices": [
    {"rank": 1, "hostname": "a", "device": 1}, {"rank": 0, "hostname": "a", "device": 0}]},
  "results": [
    {"size": 1048576, "type": "float", "out_of_place": {"time": 24.0, "alg_bw": 43.6907},
     "in_place": {"time": 23.0, "alg_bw": 45.59}},
    {"size": 2097152, "in_place": {"cpu_time": 7.0, "alg_bw": 52.4288}}],
  "errors": "false"})";

}  // namespace

TEST_CASE("A log of sendrecv is rounds of a ring over the ranks") {
  fit::Data data;
  REQUIRE(read(sendrecv_log(row), data).ok());
  REQUIRE(data.transfers.size() == 1);
  CHECK(data.transfers[0].bytes == 1048576);
  CHECK(data.transfers[0].seconds == Approx(24e-6));
  CHECK(data.transfers[0].place.line == 11);
  // Two hosts with two GPUs each, on nodes of eight.
  CHECK(data.patterns[0].transfers == std::vector<fit::Transfer>{{0, 1}, {1, 8}, {8, 9}, {9, 0}});
}

TEST_CASE("Older and tagged logs are read") {
  fit::Data data;
  SECTION("without redop and root in the rows") {
    REQUIRE(read(sendrecv_log("1048576 262144 float 24.00 43.69 43.69 0e+00 23.0 45.59 45.59 0\n"),
                 data)
                .ok());
  }
  SECTION("out of place not measured") {
    REQUIRE(read(sendrecv_log("1048576 1 float none -1 N/A N/A N/A N/A 24.0 43.69 43.69 0\n"), data)
                .ok());
  }
  SECTION("through mpirun, between lines of NCCL") {
    std::string text = sendrecv_log("node0:1:2 [0] NCCL INFO Channel 00/0 : 0[0]\n" + row);
    for (std::size_t at = 0; at != std::string::npos && at < text.size();) {
      text.insert(at, "[1,0]<stdout>:");
      at = text.find('\n', at);
      if (at != std::string::npos) ++at;
    }
    REQUIRE(read(text, data).ok());
  }
  SECTION("with the times of each iteration and a time stamp, -I 1 -S 1") {
    REQUIRE(
        read(rank_lines(2, 2) +
                 "#       size         count      type   redop    root     time   algbw   busbw  "
                 "#wrong    i_min    i_max    i_p99    i_cv%     time   algbw   busbw  #wrong    "
                 "i_min    i_max    i_p99    i_cv%           timestamp\n"
                 "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)    "
                 "          (us)     (us)     (us)      (%)     (us)  (GB/s)  (GB/s)              "
                 "(us)     (us)     (us)      (%) %Y-%m-%d %H:%M:%S\n"
                 "1048576 262144 float none -1 24.00 43.69 43.69 0 23.00 25.00 25.00 1.00 23.00 "
                 "45.59 45.59 N/A 22.00 24.00 24.00 1.00 2025-01-01 00:00:00\n" +
                 footer,
             data)
            .ok());
  }
  SECTION("with the host's times, -C 1: the rate tells") {
    std::string text = sendrecv_log(
        "1048576 262144 float none -1 5.00 43.69 43.69 0 5.00 45.59 45.59 0\n"
        "8 2 float none -1 5.00 0.00 0.00 0 5.00 0.00 0.00 0\n");
    for (std::size_t at = 0; (at = text.find(" time ", at)) != std::string::npos;) {
      text.replace(at, 6, " cputime ");
    }
    REQUIRE(read(text, data).ok());
  }
  REQUIRE(data.transfers.size() == 1);
  CHECK(data.transfers[0].seconds == Approx(24e-6).epsilon(1e-4));
}

TEST_CASE("Groups are rings of their own") {
  std::string text = sendrecv_log(row);
  for (const char* odd : {"Rank  1 Group  0", "Rank  3 Group  0"}) {
    text.replace(text.find(odd) + 15, 1, "1");
  }
  fit::Data data;
  REQUIRE(read(text, data).ok());
  CHECK(data.patterns[0].transfers == std::vector<fit::Transfer>{{0, 8}, {8, 0}, {1, 9}, {9, 1}});
  text.replace(text.find("Rank  2 Group  0") + 15, 1, "1");
  CHECK(refused(text).message.find("not two ranks") == 0);
}

TEST_CASE("The JSON of a log says the same") {
  fit::Data data;
  REQUIRE(read(json_log, data, "log.json").ok());
  REQUIRE(data.transfers.size() == 2);
  CHECK(data.patterns[0].name == "0>1 1>0");
  CHECK(data.transfers[0].seconds == Approx(24e-6));
  CHECK(data.transfers[1].seconds == Approx(40e-6));  // the host took 7 us to issue it
}

TEST_CASE("The JSON of a process with several GPUs lists its first one only") {
  std::string text = json_log;
  text.replace(text.find("{\"devices\""), 1, "{\"nthreads\": 1, \"ngpus\": 4, ");
  SECTION("one process") {
    const std::size_t second = text.find("{\"rank\": 1");
    text.erase(second, text.find("{\"rank\": 0") - second);
    fit::Data data;
    REQUIRE(read(text, data, "log.json").ok());
    CHECK(data.patterns[0].name == "0>1 1>2 2>3 3>0");
  }
  SECTION("all are listed") {
    fit::Data data;
    REQUIRE(read(text, data, "log.json").ok());
    CHECK(data.patterns[0].name == "0>1 1>0");
  }
  SECTION("nonsense") {
    text.replace(text.find("\"ngpus\": 4"), 10, "\"ngpus\": 0");
    CHECK(refused(text, "log.json").position == "/config/ngpus");
  }
}

TEST_CASE("Tests other than sendrecv are named and not used") {
  fit::Data data;
  REQUIRE(read("# Collective test starting: all_gather_perf\n" + sendrecv_log(row), data).ok());
  CHECK(data.transfers.empty());
  REQUIRE(data.unused.size() == 1);
  CHECK(data.unused[0].find("all_gather") != std::string::npos);
}

TEST_CASE("Damaged logs are refused with their line") {
  const std::string good = sendrecv_log(row);
  CHECK(refused("").message == "an empty file");
  CHECK(refused("no log at all\n").message == "not a log of nccl-tests");
  CHECK(refused(good.substr(0, good.size() - footer.size())).message == "the log ends too early");
  CHECK(refused(sendrecv_log("1048576 262144 float 24.00\n")).message == "a row cut short");
  CHECK(refused(sendrecv_log("1048576 262144 float 24.00\n")).position == "line 11");
  // Where columns of rows that leave some out would come before the size.
  CHECK(refused(rank_lines(4, 2) + "#  size time algbw busbw count x\n1048576 20 52.4 52.4\n" +
                footer)
            .message == "no time and rate after the size");
  CHECK(refused(good, "x.log").message.find("neither the log nor the name") == 0);
  std::string text = good;
  SECTION("milliseconds") {
    text.replace(text.find("(us)"), 4, "(ms)");
    CHECK(refused(text).message == "unknown units");
  }
  SECTION("a rate that is not bytes over time") {
    text.replace(text.find("43.69"), 5, "99.99");
    CHECK(refused(text).message == "size, time and algbw contradict each other");
  }
  SECTION("two runs") { CHECK(refused(good + good).message == "a second run in one log"); }
  SECTION("a negative time") {
    text.replace(text.find("24.00"), 5, "-4.00");
    CHECK(refused(text).message == "bad number");
  }
  SECTION("no columns of time") {
    text.replace(text.find("algbw"), 5, "speed");
    text.replace(text.find("algbw"), 5, "speed");
    CHECK(refused(text).message == "columns missing in the header");
  }
  SECTION("ranks") {
    text.replace(text.find("Rank  1"), 7, "Rank  7");
    CHECK(refused(text).message == "ranks are missing or given twice");
  }
  SECTION("a device beyond the node") {
    text.replace(text.find("device  1"), 9, "device 11");
    CHECK(refused(text).message == "a device that nodes of the cluster do not have");
  }
  SECTION("ranks that see one GPU each") {
    for (const char* device : {"device  1", "device  1"}) {
      text.replace(text.find(device), 9, "device  0");
    }
    CHECK(refused(text).message == "two ranks on one GPU");
  }
  SECTION("no ranks") { CHECK(refused(header + row + footer).message.find("not two ranks") == 0); }
  SECTION("too many rows") {
    std::string rows;
    for (std::size_t i = 0; i <= fit::max_rows; ++i) rows += "8 2 float 24 0 0 0 24 0 0 0\n";
    CHECK(refused(sendrecv_log(rows)).message == "too many rows");
  }
}

TEST_CASE("Damaged JSON is refused with its place") {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = json_log;
    text.replace(text.find(from), from.size(), to);
    return refused(text, "log.json");
  };
  CHECK(refused(json_log.substr(0, 300), "log.json").message != "none");
  CHECK(changed("\"results\"", "\"other\"").position == "/results");
  CHECK(changed("\"size\": 1048576", "\"size\": \"1M\"").position == "/results/0/size");
  CHECK(changed("24.0", "-24.0").position == "/results/0/out_of_place/time");
  CHECK(changed("43.6907", "1.5").message == "size, time and alg_bw contradict each other");
  CHECK(changed("\"devices\"", "\"gpus\"").position == "/config/devices");
  CHECK(changed("\"hostname\": \"a\"", "\"hostname\": 5").position == "/config/devices/0/hostname");
  CHECK(changed("sendrecv_perf", "perf").message.find("neither") == 0);
}

}  // namespace hsap
