#include "cli/output.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command.hpp"
#include "cli/program.hpp"
#include "cli/terminal.hpp"

using namespace hsap;
using namespace hsap::cli;
namespace fs = std::filesystem;

namespace {

/// A fresh folder that goes away with the test.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "hsap-output-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
  fs::path path;
};

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Status check(const std::string& path, bool force) {
  const OutputFile file{"--json", path};
  return check_outputs({&file, 1}, force);
}

}  // namespace

TEST_CASE("an output is checked before the computation") {
  const Folder folder;
  CHECK(check("", false));
  CHECK(check("-", false));
  CHECK(check(folder.file("new.json"), false));
  CHECK_FALSE(check(folder.file("no/such/folder.json"), true));
  CHECK_FALSE(check(folder.path.string(), true));
  CHECK_FALSE(check("/dev/full", true));

  std::ofstream(folder.file("old.json")) << "old";
  CHECK_FALSE(check(folder.file("old.json"), false));
  CHECK(check(folder.file("old.json"), true));
}

TEST_CASE("two outputs need two files") {
  const Folder folder;
  const OutputFile twice[] = {{"--json", folder.file("a")}, {"--timeline", folder.file("./a")}};
  CHECK_FALSE(check_outputs(twice, true));
  // However the folder is spelled.
  fs::create_directory(folder.path / "sub");
  fs::create_directory_symlink(folder.path / "sub", folder.path / "link");
  const std::string same[] = {folder.file("sub/a"), folder.file("link/a"),
                              fs::relative(folder.path / "sub/a").string()};
  for (const std::string& path : same) {
    const OutputFile both[] = {{"--json", folder.file("sub/../sub/a")}, {"--timeline", path}};
    CHECK_FALSE(check_outputs(both, true));
  }
  // A link in place of the file is replaced itself, and what it led to stays.
  fs::create_symlink(folder.file("b"), folder.file("to-b"));
  const OutputFile linked[] = {{"--json", folder.file("b")}, {"--timeline", folder.file("to-b")}};
  CHECK(check_outputs(linked, true));
  const OutputFile apart[] = {{"--json", folder.file("a")}, {"--timeline", folder.file("b")}};
  CHECK(check_outputs(apart, false));
}

TEST_CASE("files are replaced only by force and leave no temporary behind") {
  const Folder folder;
  const OutputFile file{"--json", folder.file("a.json")};
  CHECK(write_output(file, "one", false));
  CHECK_FALSE(write_output(file, "two", false));
  CHECK(content(file.path) == "one");
  CHECK(write_output(file, "three", true));
  CHECK(content(file.path) == "three");
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("an interrupt waits until a file is written, and then ends the program") {
  const Folder folder;
  const std::string path = folder.file("written");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Command app("test-program", "test");
    const char* const arguments[] = {"test-program"};
    ::_exit(run_main(app, 1, arguments, [&] {
      const HoldInterrupts hold;
      std::raise(SIGINT);
      std::ofstream(path) << "whole";
      return Status();
    }));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == exit_interrupted);
  CHECK(content(path) == "whole");
}

TEST_CASE("colour is as asked, and never automatic off a terminal") {
  CHECK(wants_color(*parse_color("always")));
  CHECK_FALSE(wants_color(*parse_color("never")));
  CHECK_FALSE(parse_color("sometimes"));
  ::setenv("NO_COLOR", "1", 1);
  CHECK_FALSE(wants_color(ColorMode::automatic));
  CHECK(wants_color(ColorMode::always));  // said on purpose
  ::unsetenv("NO_COLOR");
}
