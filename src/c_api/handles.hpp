#pragma once

#include <string>

#include "hsap/batch.hpp"
#include "hsap/c_api.h"
#include "hsap/schedule.hpp"
#include "hsap/strategy.hpp"

// What stands behind the opaque types of the C API.

struct hsap_error {
  int32_t kind;
  std::string text;
};

struct hsap_planner {
  hsap::Problem problem;  ///< without a batch
  hsap::Strategy strategy;
  std::string text;
};

struct hsap_schedule {
  hsap::Problem problem;
  hsap::Schedule schedule;
};
