#pragma once

/// For a function whose loops are most of the time: the loader picks the widest vectors the machine
/// has. Sanitizers that instrument the choice itself would run before they are set up.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define HSAP_WIDEST __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define HSAP_WIDEST
#endif
