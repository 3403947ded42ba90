#include "validate/world/place.hpp"

#include <catch2/catch.hpp>
#include <map>

namespace hsap::world {
namespace {

using Catch::Contains;
using Variables = std::map<std::string, std::string>;

Environment of(const Variables& variables) {
  return [variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) return {};
    return found->second;
  };
}

Place place_of(const Variables& variables) {
  const Result<Place> place = find_place(of(variables));
  INFO((place ? "" : place.error().text()));
  REQUIRE(place);
  return *place;
}

std::string error_of(const Variables& variables) {
  const Result<Place> place = find_place(of(variables));
  REQUIRE(!place);
  CHECK(place.error().kind == ErrorKind::bad_input);
  return place.error().text();
}

const Variables torchrun = {{"RANK", "3"},
                            {"WORLD_SIZE", "8"},
                            {"LOCAL_RANK", "1"},
                            {"MASTER_ADDR", "gpu1"},
                            {"MASTER_PORT", "29500"}};
const Variables slurm = {{"SLURM_PROCID", "2"},     {"SLURM_NTASKS", "4"},
                         {"SLURM_LOCALID", "0"},    {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"},
                         {"SLURM_JOB_ID", "12345"}, {"SLURM_STEP_ID", "2"}};
const Variables open_mpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                            {"OMPI_COMM_WORLD_SIZE", "2"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                            {"MASTER_ADDR", "::1"},
                            {"MASTER_PORT", "4000"}};

Variables with(Variables variables, const std::string& name, const std::string& value) {
  variables[name] = value;
  return variables;
}

Variables joined(Variables one, const Variables& other) {
  one.insert(other.begin(), other.end());
  return one;
}

TEST_CASE("a place is read from every launcher") {
  const Place of_torchrun = place_of(torchrun);
  CHECK(of_torchrun.rank == 3);
  CHECK(of_torchrun.size == 8);
  CHECK(of_torchrun.local_rank == 1);
  CHECK_FALSE(of_torchrun.host.empty());
  CHECK(of_torchrun.meet.text() == "tcp://gpu1:29500");
  CHECK(place_of(open_mpi).meet.text() == "tcp://[::1]:4000");
  CHECK(place_of(open_mpi).local_rank == 1);
  const Place of_slurm = place_of(slurm);
  CHECK(of_slurm.rank == 2);
  CHECK(of_slurm.meet.host == "10.0.0.1");
  CHECK(of_slurm.meet.port >= 20000);
  CHECK(of_slurm.meet.port < 30000);
  CHECK(of_slurm.meet.port == place_of(with(slurm, "SLURM_PROCID", "3")).meet.port);
  CHECK(of_slurm.meet.port != place_of(with(slurm, "SLURM_STEP_ID", "3")).meet.port);
  const Variables pmi = {{"PMI_RANK", "0"},
                         {"PMI_SIZE", "2"},
                         {"MPI_LOCALRANKID", "0"},
                         {"MASTER_ADDR", "gpu1"},
                         {"MASTER_PORT", "4000"}};
  CHECK(place_of(pmi).size == 2);
}

TEST_CASE("torchrun listens at its port itself when it says so") {
  CHECK(place_of(with(torchrun, "TORCHELASTIC_USE_AGENT_STORE", "True")).meet.port == 29501);
  CHECK(place_of(with(torchrun, "TORCHELASTIC_USE_AGENT_STORE", "False")).meet.port == 29500);
}

TEST_CASE("the innermost launcher counts") {
  CHECK(place_of(joined(torchrun, slurm)).rank == 3);
  CHECK(place_of(joined(open_mpi, slurm)).rank == 1);
  // srun with PMI-2 is no other launcher, mpirun of MPICH under Slurm is.
  Variables pmi = joined(slurm, {{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}, {"PMI_FD", "9"}});
  CHECK(place_of(pmi).local_rank == 0);
  CHECK(place_of(pmi).meet.host == "10.0.0.1");
  pmi = joined({{"PMI_RANK", "1"}, {"MPI_LOCALRANKID", "1"}, {"MASTER_PORT", "4000"}}, pmi);
  CHECK(place_of(with(pmi, "MASTER_ADDR", "gpu1")).rank == 1);
}

TEST_CASE("an explicit rendezvous goes before the launcher's") {
  Variables bare = torchrun;
  bare.erase("MASTER_ADDR");
  const auto place = find_place(of(bare), Rendezvous{"/shared/run", {}, 0});
  REQUIRE(place);
  CHECK(place->meet.text() == "file:/shared/run");
}

TEST_CASE("variables that are missing or wrong are named") {
  CHECK_FALSE(has_place(of({})));
  CHECK(has_place(of(slurm)));
  CHECK_THAT(error_of({}), Contains("--ranks N"));
  CHECK_THAT(error_of({{"WORLD_SIZE", "2"}}), Contains("RANK: variable is missing"));
  CHECK_THAT(error_of(with(torchrun, "WORLD_SIZE", "")),
             Contains("environment: WORLD_SIZE: variable is missing"));
  CHECK_THAT(error_of(with(torchrun, "LOCAL_RANK", "")), Contains("LOCAL_RANK"));
  CHECK_THAT(error_of(with(torchrun, "RANK", "8")), Contains("found '8'") && Contains("0 to 7"));
  CHECK_THAT(error_of(with(torchrun, "RANK", "-1")), Contains("out of range"));
  CHECK_THAT(error_of(with(torchrun, "RANK", "1x")), Contains("no whole number"));
  CHECK_THAT(error_of(with(torchrun, "RANK", "99999999999999")), Contains("no whole number"));
  CHECK_THAT(error_of(with(torchrun, "WORLD_SIZE", "0")), Contains("WORLD_SIZE"));
  CHECK_THAT(error_of(with(torchrun, "MASTER_ADDR", "")), Contains("MASTER_ADDR"));
  CHECK_THAT(error_of(with(torchrun, "MASTER_PORT", "70000")), Contains("MASTER_PORT"));
  CHECK_THAT(error_of(with(slurm, "SLURM_LAUNCH_NODE_IPADDR", "")), Contains("--rendezvous"));
  CHECK_THAT(error_of(with(slurm, "WORLD_SIZE", "16")),
             Contains("contradicts") && Contains("found '16', expected 4"));
}

TEST_CASE("a rendezvous is a file or an address") {
  for (const char* text :
       {"file:/tmp/x", "tcp://gpu1:29500", "tcp://10.0.0.1:1", "tcp://[::1]:7"}) {
    CAPTURE(text);
    const auto parsed = parse_rendezvous(text);
    REQUIRE(parsed);
    CHECK(parsed->text() == text);
  }
  for (const char* text :
       {"", "file:", "file:/", "file:relative", "gpu1:29500", "tcp://gpu1", "tcp://:1",
        "tcp://gpu1:0", "tcp://gpu1:65536", "tcp://gpu1:x", "tcp://::1:7", "tcp://a/b:7"}) {
    CAPTURE(text);
    const auto parsed = parse_rendezvous(text);
    REQUIRE(!parsed);
    CHECK_THAT(parsed.error().text(), Contains("tcp://HOST:PORT"));
  }
}

}  // namespace
}  // namespace hsap::world
