#include "validate/world/place.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace hsap::world {
namespace {

constexpr int most_ranks = 65536;
constexpr int last_port = 65535;

/// The variables by which one program tells a process who it is.
struct Launcher {
  const char* name;
  const char* rank;
  const char* size;
  std::array<const char*, 2> local_rank;  ///< the first that is set
};

/// Innermost first: torchrun may run under srun, and mpirun in the batch step of Slurm, which has a
/// rank too.
constexpr Launcher launchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE", {"LOCAL_RANK", nullptr}},
    {"mpirun",
     "OMPI_COMM_WORLD_RANK",
     "OMPI_COMM_WORLD_SIZE",
     {"OMPI_COMM_WORLD_LOCAL_RANK", nullptr}},
    {"mpirun", "PMI_RANK", "PMI_SIZE", {"MPI_LOCALRANKID", "PMI_LOCAL_RANK"}},
    {"srun", "SLURM_PROCID", "SLURM_NTASKS", {"SLURM_LOCALID", nullptr}},
};

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

Error at_variable(const std::string& name, Error error) {
  error.file = "environment";
  error.position = name;
  return error;
}

/// Reads whole numbers out of the environment.
struct Variables {
  const Environment& environment;

  [[nodiscard]] bool has(const char* name) const { return environment(name).has_value(); }

  [[nodiscard]] Result<int> number(const char* name, int low, int high,
                                   const std::string& why) const {
    const std::string expected =
        fmt::format("a whole number from {} to {}{}{}", low, high, why.empty() ? "" : ", ", why);
    const std::optional<std::string> text = environment(name);
    if (!text) return at_variable(name, bad_input("variable is missing", {}, expected));
    const std::optional<int> value = whole_number(*text);
    if (value && *value >= low && *value <= high) return *value;
    return at_variable(name, bad_input(value ? "value out of range" : "no whole number",
                                       "'" + *text + "'", expected));
  }
};

/// srun sets PMI_RANK, too, where Slurm speaks PMI-2, and then tells the local rank in its own
/// words.
bool is_of_srun(const Environment& environment, const Launcher& launcher) {
  return launcher.rank == std::string_view("PMI_RANK") && environment("SLURM_LOCALID") &&
         std::none_of(launcher.local_rank.begin(), launcher.local_rank.end(),
                      [&](const char* name) { return environment(name).has_value(); });
}

const Launcher* find_launcher(const Environment& environment) {
  const auto* found =
      std::find_if(std::begin(launchers), std::end(launchers), [&](const Launcher& each) {
        return environment(each.rank).has_value() && !is_of_srun(environment, each);
      });
  return found == std::end(launchers) ? nullptr : found;
}

Error no_launcher(const Environment& environment) {
  if (const auto size = environment("WORLD_SIZE")) {
    return at_variable("RANK", bad_input("variable is missing", "WORLD_SIZE=" + *size,
                                         "both, as torchrun sets them"));
  }
  return bad_input("nothing has given this process a rank", {},
                   "torchrun, srun or mpirun to start it, or --ranks N");
}

/// Users export WORLD_SIZE for programs that read no other variable.
Status check_world_size(const Variables& read, const Launcher& launcher, int size) {
  const auto exported = read.environment("WORLD_SIZE");
  if (!exported || whole_number(*exported) == size) return {};
  return at_variable("WORLD_SIZE", bad_input("contradicts another variable", "'" + *exported + "'",
                                             fmt::format("{}, as {} says", size, launcher.size)));
}

/// A port below those that systems hand out, the same for all processes of a step and another one
/// for the next step.
Result<int> slurm_port(const Variables& read) {
  constexpr int first = 20000;
  constexpr int count = 10000;
  HSAP_TRY(const int job, read.number("SLURM_JOB_ID", 0, 2147483647, "to choose a port by"));
  const int step = whole_number(read.environment("SLURM_STEP_ID").value_or("0")).value_or(0);
  return first + static_cast<int>((std::int64_t{job} * 16 + step) % count);
}

Result<Rendezvous> default_rendezvous(const Variables& read, const Launcher& launcher) {
  const bool slurm = launcher.name == std::string_view("srun");
  const bool torchrun = launcher.name == std::string_view("torchrun");
  Rendezvous meet;
  if (const auto host = read.environment("MASTER_ADDR")) {
    meet.host = *host;
  } else if (const auto node = read.environment("SLURM_LAUNCH_NODE_IPADDR"); slurm && node) {
    meet.host = *node;
  } else {
    return at_variable(
        slurm ? "SLURM_LAUNCH_NODE_IPADDR" : "MASTER_ADDR",
        bad_input("variable is missing", {},
                  "the address of rank 0, or --rendezvous file:/PATH or tcp://HOST:PORT"));
  }
  if (slurm && !read.has("MASTER_PORT")) {
    HSAP_TRY(meet.port, slurm_port(read));
    return meet;
  }
  HSAP_TRY(meet.port,
           read.number("MASTER_PORT", 1, last_port, "the port of rank 0, or --rendezvous"));
  // The agent of torchrun listens at this port itself.
  const std::string agent = read.environment("TORCHELASTIC_USE_AGENT_STORE").value_or("False");
  if (torchrun && agent == "True") meet.port += meet.port < last_port ? 1 : -1;
  return meet;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

std::string Rendezvous::text() const {
  if (!file.empty()) return "file:" + file;
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format("tcp://{}{}{}:{}", brackets ? "[" : "", host, brackets ? "]" : "", port);
}

Result<Rendezvous> parse_rendezvous(const std::string& text) {
  constexpr std::string_view file = "file:";
  constexpr std::string_view tcp = "tcp://";
  const Error wrong =
      bad_input("no place to meet", "'" + text + "'", "file:/PATH or tcp://HOST:PORT");
  if (text.starts_with(file)) {
    // Every process has a working directory of its own.
    if (text.size() <= file.size() + 1 || text[file.size()] != '/') return wrong;
    return Rendezvous{text.substr(file.size()), {}, 0};
  }
  const std::size_t colon = text.rfind(':');
  if (!text.starts_with(tcp) || colon <= tcp.size()) return wrong;
  std::string host = text.substr(tcp.size(), colon - tcp.size());
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!brackets && host.find_first_of(":[]/") != std::string::npos) return wrong;
  const std::optional<int> port = whole_number(std::string_view(text).substr(colon + 1));
  if (!port || *port < 1 || *port > last_port) return wrong;
  return Rendezvous{{}, std::move(host), *port};
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return {};
    return value;
  };
}

bool has_place(const Environment& environment) { return find_launcher(environment) != nullptr; }

Result<Place> find_place(const Environment& environment, const std::optional<Rendezvous>& meet) {
  const Launcher* launcher = find_launcher(environment);
  if (launcher == nullptr) return no_launcher(environment);
  const Variables read{environment};
  Place place;
  HSAP_TRY(place.size, read.number(launcher->size, 1, most_ranks, "the number of processes"));
  HSAP_TRY(place.rank, read.number(launcher->rank, 0, place.size - 1,
                                   fmt::format("below {}={}", launcher->size, place.size)));
  HSAP_CHECK(check_world_size(read, *launcher, place.size));
  const char* local = launcher->local_rank[0];
  if (const char* other = launcher->local_rank[1]; other != nullptr && !read.has(local)) {
    if (read.has(other)) local = other;
  }
  HSAP_TRY(place.local_rank,
           read.number(local, 0, place.size - 1, "the number of this process on its machine"));
  place.host = host_name();
  if (meet) {
    place.meet = *meet;
  } else if (place.size > 1) {
    HSAP_TRY(place.meet, default_rendezvous(read, *launcher));
  }
  return place;
}

}  // namespace hsap::world
