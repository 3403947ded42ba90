/* The C API as a trainer written in C sees it: compiles as C, and every failure is an error. */
#include "hsap/c_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

static const char* const good =
    "{\"heads\": 8, \"kv_heads\": 2, \"head_dim\": 64, \"mask\": \"causal\","
    " \"strategy\": {\"context_parallel\": 4, \"exchange\": \"p2p\"}}";

static hsap_planner* make(const char* text) {
  hsap_error* error = NULL;
  hsap_planner* planner = hsap_planner_parse(text, &error);
  CHECK(planner != NULL && error == NULL);
  return planner;
}

/* What hsap_planner_parse() says to a text; freed by the caller. */
static hsap_error* refused(const char* text) {
  hsap_error* error = NULL;
  CHECK(hsap_planner_parse(text, &error) == NULL);
  CHECK(error != NULL);
  return error;
}

static void test_errors_of_planners(void) {
  hsap_error* error = refused("{\"heads\": 8,");
  CHECK(hsap_error_kind(error) == HSAP_BAD_INPUT);
  CHECK(strstr(hsap_error_text(error), "planner: line 1") != NULL);
  hsap_error_free(error);
  error = refused("{\"heads\": 8, \"head_dim\": 64, \"strategy\": {\"stage\": 2}}");
  CHECK(strstr(hsap_error_text(error), "/strategy/stage") != NULL);
  hsap_error_free(error);
  hsap_error_free(refused("{\"heads\": 8, \"kv_heads\": 3, \"head_dim\": 64, \"strategy\": {}}"));
  hsap_error_free(refused(NULL));
  CHECK(hsap_planner_read("/nowhere", NULL) == NULL); /* nobody asks why */
  hsap_error_free(NULL);
  hsap_planner_free(NULL);
  hsap_schedule_free(NULL);
}

static void test_round_trip(void) {
  hsap_planner* first = make(good);
  hsap_planner* second = make(hsap_planner_json(first));
  CHECK(strcmp(hsap_planner_json(first), hsap_planner_json(second)) == 0);
  CHECK(strstr(hsap_planner_json(first), "\"dtype\": \"bf16\"") != NULL);
  hsap_planner_free(first);
  hsap_planner_free(second);
}

static void test_schedule(int backward) {
  const int64_t ends[] = {0, 100, 1000};
  hsap_error* error = NULL;
  hsap_planner* planner = make(good);
  hsap_schedule* schedule = hsap_compile(planner, ends, 3, backward, &error);
  hsap_view view;
  int64_t tokens = 0;
  size_t operations = 0;
  int32_t rank;
  CHECK(schedule != NULL);
  hsap_planner_free(planner); /* a schedule stands on its own */
  CHECK(hsap_verify(schedule, &error) == 1 && error == NULL);
  hsap_read(schedule, &view);
  CHECK(view.tokens == 1000 && view.ranks == 4);
  for (rank = 0; rank < view.ranks; ++rank) {
    uint32_t i;
    for (i = 0; i < view.home[rank].count; ++i) {
      const hsap_interval* owned = &view.intervals[view.home[rank].first + i];
      tokens += (owned->end - owned->begin + owned->stride - 1) / owned->stride;
    }
    for (i = 0; i < view.programs[rank].count; ++i) {
      const hsap_operation* operation = &view.operations[view.programs[rank].first + i];
      CHECK(operation->rank == rank && operation->heads_end <= 8);
      ++operations;
    }
  }
  CHECK(tokens == 1000 && operations == view.operation_count);
  hsap_schedule_free(schedule);
}

static void test_both_passes(void) {
  const int64_t ends[] = {0, 100, 1000};
  const int64_t other_ends[] = {0, 500, 1000};
  hsap_planner* planner = make(good);
  hsap_schedule* forward = hsap_compile(planner, ends, 3, 0, NULL);
  hsap_schedule* backward = hsap_compile(planner, ends, 3, 1, NULL);
  hsap_schedule* shorter = hsap_compile(planner, other_ends, 3, 1, NULL);
  hsap_planner* stranger = make(
      "{\"heads\": 8, \"kv_heads\": 2, \"head_dim\": 64,"
      " \"strategy\": {\"context_parallel\": 4, \"layout\": \"contiguous\"}}");
  hsap_schedule* other = hsap_compile(stranger, ends, 3, 1, NULL);
  hsap_error* error = NULL;
  CHECK(hsap_verify_both(forward, backward, &error) == 1 && error == NULL);
  /* Each is right by itself, but the tokens lie elsewhere. */
  CHECK(hsap_verify_both(forward, other, &error) == 0);
  CHECK(hsap_error_kind(error) == HSAP_INFEASIBLE);
  CHECK(strchr(hsap_error_text(error), '\n') == NULL);
  hsap_error_free(error);
  CHECK(hsap_verify_both(forward, shorter, &error) == 0);
  CHECK(strstr(hsap_error_text(error), "not of one batch") != NULL);
  hsap_error_free(error);
  CHECK(hsap_planner_read("/no\npe", &error) == NULL);
  CHECK(strchr(hsap_error_text(error), '\n') == NULL);
  hsap_error_free(error);
  hsap_schedule_free(forward);
  hsap_schedule_free(backward);
  hsap_schedule_free(other);
  hsap_schedule_free(shorter);
  hsap_planner_free(stranger);
  hsap_planner_free(planner);
}

static void test_errors_of_batches(void) {
  const int64_t falling[] = {0, 5, 4};
  const int64_t huge[] = {0, INT64_MAX};
  hsap_planner* planner = make(good);
  hsap_error* error = NULL;
  CHECK(hsap_compile(planner, falling, 3, 0, &error) == NULL);
  CHECK(strstr(hsap_error_text(error), "4 after 5 at position 2") != NULL);
  hsap_error_free(error);
  CHECK(hsap_compile(planner, huge, 2, 0, NULL) == NULL);
  CHECK(hsap_compile(planner, falling, 0, 0, NULL) == NULL);
  CHECK(hsap_compile(planner, NULL, 2, 0, NULL) == NULL);
  CHECK(hsap_compile(NULL, falling, 2, 0, NULL) == NULL);
  hsap_planner_free(planner);
}

static void test_loaders(void) {
  const int64_t documents[] = {0, 3, 7};
  const double work[] = {4, 1, 3, 2};
  uint32_t order[4];
  hsap_planner* planner = make(good);
  hsap_error* error = NULL;
  CHECK(hsap_pairs(planner, documents, 3, NULL) == 6 + 10); /* causal */
  CHECK(hsap_pairs(planner, documents, 1, NULL) == 0);
  CHECK(hsap_pairs(NULL, documents, 3, NULL) == 0);
  hsap_planner_free(planner);
  CHECK(hsap_deal(work, 4, 2, 1, 1, order, NULL) == 1);
  CHECK(order[0] == 1 && order[1] == 3 && order[2] == 2 && order[3] == 0);
  CHECK(hsap_deal(work, 4, 3, 1, 1, order, &error) == 0);
  CHECK(strstr(hsap_error_text(error), "a multiple of 3") != NULL);
  CHECK(hsap_error_kind(error) == HSAP_BAD_INPUT);
  hsap_error_free(error);
  CHECK(hsap_deal(NULL, 4, 2, 1, 1, order, NULL) == 0);
  CHECK(hsap_deal(work, 4, 2, 1, 1, NULL, NULL) == 0);
}

int main(void) {
  CHECK(hsap_abi() == HSAP_ABI);
  CHECK(strlen(hsap_version()) > 0);
  test_errors_of_planners();
  test_round_trip();
  test_schedule(0);
  test_schedule(1);
  test_both_passes();
  test_errors_of_batches();
  test_loaders();
  return 0;
}
