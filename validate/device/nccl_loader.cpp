// NCCL's functions, found in its library when one is first called. Programs are not linked with it,
// so that they start, and say what is missing, where it is not installed.

#include <dlfcn.h>
#include <nccl.h>

#include <string>

namespace {

struct Library {
  void* handle = nullptr;
  std::string missing;  ///< why there is none
};

const Library& library() {
  static const Library loaded = [] {
    Library found;
    for (const char* name : {"libnccl.so.2", HSAP_NCCL_OF_BUILD}) {
      found.handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (found.handle != nullptr) return found;
      if (found.missing.empty()) found.missing = std::string("NCCL is missing: ") + ::dlerror();
    }
    return found;
  }();
  return loaded;
}

/// The function of the library with the type of the one declared in nccl.h, or null.
template <typename Function>
Function* find(Function*, const char* name) {
  if (library().handle == nullptr) return nullptr;
  return reinterpret_cast<Function*>(::dlsym(library().handle, name));
}

template <typename... Parameters, typename... Arguments>
ncclResult_t call(ncclResult_t (*declared)(Parameters...), const char* name,
                  Arguments... arguments) {
  const auto function = find(declared, name);
  return function == nullptr ? ncclSystemError : function(arguments...);
}

}  // namespace

#define HSAP_NCCL(function, ...) call(&(function), #function __VA_OPT__(, ) __VA_ARGS__)

extern "C" {

ncclResult_t ncclGetVersion(int* version) { return HSAP_NCCL(ncclGetVersion, version); }
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) { return HSAP_NCCL(ncclGetUniqueId, id); }
ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  return HSAP_NCCL(ncclCommInitRankConfig, communicator, ranks, id, rank, config);
}
ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  return HSAP_NCCL(ncclCommAbort, communicator);
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* state) {
  return HSAP_NCCL(ncclCommGetAsyncError, communicator, state);
}
ncclResult_t ncclCommRegister(const ncclComm_t communicator, void* data, size_t bytes,
                              void** handle) {
  return HSAP_NCCL(ncclCommRegister, communicator, data, bytes, handle);
}
ncclResult_t ncclMemAlloc(void** data, size_t bytes) {
  return HSAP_NCCL(ncclMemAlloc, data, bytes);
}
ncclResult_t ncclMemFree(void* data) { return HSAP_NCCL(ncclMemFree, data); }
ncclResult_t ncclGroupStart() { return HSAP_NCCL(ncclGroupStart); }
ncclResult_t ncclGroupEnd() { return HSAP_NCCL(ncclGroupEnd); }
ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t communicator, cudaStream_t stream) {
  return HSAP_NCCL(ncclSend, data, count, type, peer, communicator, stream);
}
ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t communicator, cudaStream_t stream) {
  return HSAP_NCCL(ncclRecv, data, count, type, peer, communicator, stream);
}
ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclComm_t communicator, cudaStream_t stream) {
  return HSAP_NCCL(ncclAllGather, from, to, count, type, communicator, stream);
}
ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count, ncclDataType_t type,
                               ncclRedOp_t sum, ncclComm_t communicator, cudaStream_t stream) {
  return HSAP_NCCL(ncclReduceScatter, from, to, count, type, sum, communicator, stream);
}
const char* ncclGetErrorString(ncclResult_t result) {
  const auto function = find(&ncclGetErrorString, "ncclGetErrorString");
  return function == nullptr ? "NCCL is missing" : function(result);
}
const char* ncclGetLastError(ncclComm_t communicator) {
  const auto function = find(&ncclGetLastError, "ncclGetLastError");
  return function == nullptr ? library().missing.c_str() : function(communicator);
}

}  // extern "C"
