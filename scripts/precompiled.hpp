// What most tests include, compiled once (meson.build).
#include <catch2/catch.hpp>
