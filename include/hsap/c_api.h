/* The C API: plan a packed batch from any language and read what each rank has to do.
 *
 * A planner holds what stays the same from step to step: heads, mask, dtype and strategy. It comes
 * from a plan file or from JSON. For each batch it compiles a schedule, whose arrays can be read in
 * place. What the arrays mean is said in hsap/schedule.hpp, item for item.
 *
 * A function that can fail returns NULL (or 0) and, when `error` is not NULL, leaves an error there
 * to be freed by the caller. Nothing is thrown and nothing is printed. A planner may be used by
 * several threads at once; so may a schedule. */
#ifndef HSAP_C_API_H
#define HSAP_C_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HSAP_EXPORT __attribute__((visibility("default")))
#else
#define HSAP_EXPORT
#endif

/* Changes whenever a structure or the meaning of a function below changes, or one is added. Callers
 * compare it with hsap_abi() of the library they loaded. */
#define HSAP_ABI 2
HSAP_EXPORT int32_t hsap_abi(void);
HSAP_EXPORT const char* hsap_version(void);

typedef struct hsap_error hsap_error;
typedef struct hsap_planner hsap_planner;
typedef struct hsap_schedule hsap_schedule;

/* The exit codes of the programs: 1 the question was fine and the answer is no, 2 bad input;
 * 3 a mistake of hsap itself, or no memory left. */
enum { HSAP_INFEASIBLE = 1, HSAP_BAD_INPUT = 2, HSAP_INTERNAL = 3 };
HSAP_EXPORT int32_t hsap_error_kind(const hsap_error* error);
/* One line: file, position, what is wrong, found, expected. Lives as long as the error. */
HSAP_EXPORT const char* hsap_error_text(const hsap_error* error);
HSAP_EXPORT void hsap_error_free(hsap_error* error);

/* From a plan that hsap-tune wrote ("hsap.plan/1"), with the heads of one tensor-parallel rank. */
HSAP_EXPORT hsap_planner* hsap_planner_read(const char* path, hsap_error** error);
/* The same for the layers that see but a sliding window, of a plan whose model has some: tokens lie
 * on the ranks as they do for the other layers. */
HSAP_EXPORT hsap_planner* hsap_planner_read_window(const char* path, hsap_error** error);
/* From {"heads": H, "kv_heads": K, "head_dim": D, "mask": "causal", "dtype": "bf16",
 * "balanced_by": "causal", "strategy": {...}}; kv_heads, mask and dtype may be left out, and
 * balanced_by, the mask by which the layout "balanced" shares out work where that is another. */
HSAP_EXPORT hsap_planner* hsap_planner_parse(const char* json, hsap_error** error);
/* What it holds, in the form that hsap_planner_parse() reads. Lives as long as the planner. */
HSAP_EXPORT const char* hsap_planner_json(const hsap_planner* planner);
HSAP_EXPORT void hsap_planner_free(hsap_planner* planner);

/* Compiles one pass over the packed batch with the prefix sums cu_seqlens[count] (first 0,
 * ascending; numbers that repeat are documents without tokens and change nothing). */
HSAP_EXPORT hsap_schedule* hsap_compile(const hsap_planner* planner, const int64_t* cu_seqlens,
                                        size_t count, int32_t backward, hsap_error** error);
/* 1 when the schedule is proved right (see hsap/verify.hpp), otherwise 0 and the first flaw. */
HSAP_EXPORT int32_t hsap_verify(const hsap_schedule* schedule, hsap_error** error);
/* The same of both passes of a batch, and that backward finds what forward leaves. */
HSAP_EXPORT int32_t hsap_verify_both(const hsap_schedule* forward, const hsap_schedule* backward,
                                     hsap_error** error);
HSAP_EXPORT void hsap_schedule_free(hsap_schedule* schedule);

/* For loaders. Unmasked (query, key) pairs of a packed batch: the work by which batches of equally
 * many tokens differ. 0 and an error when cu_seqlens are no batch. */
HSAP_EXPORT int64_t hsap_pairs(const hsap_planner* planner, const int64_t* cu_seqlens, size_t count,
                               hsap_error** error);
/* Deals `count` batches of some optimizer steps out by their work, so that what runs side by side
 * ends together: writes order[steps][accumulation][replicas], indices into work (see deal() in
 * hsap/batch.hpp). 1, or 0 and an error when they do not fill whole steps. */
HSAP_EXPORT int32_t hsap_deal(const double* work, size_t count, int32_t replicas,
                              int32_t accumulation, int32_t together, uint32_t* order,
                              hsap_error** error);

/* The items of a schedule. Enumerations count in the order of their declaration in
 * hsap/schedule.hpp, hsap/strategy.hpp and hsap/mask.hpp. */
typedef struct {
  uint32_t first, count;
} hsap_range;

typedef struct {
  int32_t begin, end, stride;
} hsap_interval;

typedef struct {
  int32_t rank;
  uint8_t role, usage, dtype;
  uint16_t heads_begin, heads_end;
  hsap_range intervals;
} hsap_buffer;

typedef struct {
  int32_t rank;
  uint8_t kind, stream, accumulate_query, accumulate_key;
  uint16_t heads_begin, heads_end;
  hsap_range payload, operands, dependencies;
} hsap_operation;

typedef struct {
  int32_t peer;
  uint32_t buffer;
  hsap_range intervals;
  uint16_t heads_begin, heads_end;
  uint8_t direction, add;
} hsap_transfer;

typedef struct {
  hsap_interval query, key;
  uint8_t kind;
} hsap_slice;

typedef struct {
  int32_t first, count, stride;
} hsap_group;

/* Arrays of a schedule, in place: they live as long as the schedule. */
typedef struct {
  int32_t tokens, ranks;
  const hsap_interval* intervals;
  const hsap_buffer* buffers;
  const hsap_operation* operations;
  const hsap_transfer* transfers;
  const hsap_slice* slices;
  const uint32_t* dependencies;
  const uint32_t* operands;
  const hsap_group* groups;
  const hsap_range* programs; /* [ranks]: operations of each rank */
  const hsap_range* home;     /* [ranks]: intervals of the tokens each rank owns */
  size_t interval_count, buffer_count, operation_count, transfer_count, slice_count,
      dependency_count, operand_count, group_count;
} hsap_view;
HSAP_EXPORT void hsap_read(const hsap_schedule* schedule, hsap_view* view);

#ifdef __cplusplus
}
#endif

#endif
