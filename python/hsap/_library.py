"""The C API of hsap (include/hsap/c_api.h) through ctypes: structures, calls, errors."""

import array
import ctypes
import ctypes.util
import os
import pathlib
from ctypes import POINTER, Structure, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint8, \
    c_uint16, c_uint32, c_void_p

ABI = 2


class Error(Exception):
    """Something that hsap could not do; the text is one line."""


class BadInput(Error, ValueError):
    """The caller's mistake: a file, a flag, a value."""


class Infeasible(Error):
    """The question was fine and the answer is no: an illegal strategy, a wrong schedule."""


class Range(Structure):
    _fields_ = [("first", c_uint32), ("count", c_uint32)]


class Interval(Structure):
    _fields_ = [("begin", c_int32), ("end", c_int32), ("stride", c_int32)]


class Buffer(Structure):
    _fields_ = [("rank", c_int32), ("role", c_uint8), ("usage", c_uint8), ("dtype", c_uint8),
                ("heads_begin", c_uint16), ("heads_end", c_uint16), ("intervals", Range)]


class Operation(Structure):
    _fields_ = [("rank", c_int32), ("kind", c_uint8), ("stream", c_uint8),
                ("accumulate_query", c_uint8), ("accumulate_key", c_uint8),
                ("heads_begin", c_uint16), ("heads_end", c_uint16),
                ("payload", Range), ("operands", Range), ("dependencies", Range)]


class Transfer(Structure):
    _fields_ = [("peer", c_int32), ("buffer", c_uint32), ("intervals", Range),
                ("heads_begin", c_uint16), ("heads_end", c_uint16),
                ("direction", c_uint8), ("add", c_uint8)]


class Slice(Structure):
    _fields_ = [("query", Interval), ("key", Interval), ("kind", c_uint8)]


class Group(Structure):
    _fields_ = [("first", c_int32), ("count", c_int32), ("stride", c_int32)]


class View(Structure):
    _fields_ = [("tokens", c_int32), ("ranks", c_int32),
                ("intervals", POINTER(Interval)), ("buffers", POINTER(Buffer)),
                ("operations", POINTER(Operation)), ("transfers", POINTER(Transfer)),
                ("slices", POINTER(Slice)), ("dependencies", POINTER(c_uint32)),
                ("operands", POINTER(c_uint32)), ("groups", POINTER(Group)),
                ("programs", POINTER(Range)), ("home", POINTER(Range)),
                ("interval_count", c_size_t), ("buffer_count", c_size_t),
                ("operation_count", c_size_t), ("transfer_count", c_size_t),
                ("slice_count", c_size_t), ("dependency_count", c_size_t),
                ("operand_count", c_size_t), ("group_count", c_size_t)]


# name: (result, arguments)
CALLS = {
    "hsap_abi": (c_int32, []),
    "hsap_version": (c_char_p, []),
    "hsap_error_kind": (c_int32, [c_void_p]),
    "hsap_error_text": (c_char_p, [c_void_p]),
    "hsap_error_free": (None, [c_void_p]),
    "hsap_planner_read": (c_void_p, [c_char_p, POINTER(c_void_p)]),
    "hsap_planner_read_window": (c_void_p, [c_char_p, POINTER(c_void_p)]),
    "hsap_planner_parse": (c_void_p, [c_char_p, POINTER(c_void_p)]),
    "hsap_planner_json": (c_char_p, [c_void_p]),
    "hsap_planner_free": (None, [c_void_p]),
    "hsap_compile": (c_void_p, [c_void_p, POINTER(c_int64), c_size_t, c_int32, POINTER(c_void_p)]),
    "hsap_verify": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "hsap_verify_both": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "hsap_schedule_free": (None, [c_void_p]),
    "hsap_pairs": (c_int64, [c_void_p, POINTER(c_int64), c_size_t, POINTER(c_void_p)]),
    "hsap_deal": (c_int32, [POINTER(c_double), c_size_t, c_int32, c_int32, c_int32,
                            POINTER(c_uint32), POINTER(c_void_p)]),
    "hsap_read": (None, [c_void_p, POINTER(View)]),
}


def _open() -> ctypes.CDLL:
    """$HSAP_LIBRARY, else beside this package, else where the system keeps libraries."""
    beside = pathlib.Path(__file__).with_name("libhsap.so")
    named = os.environ.get("HSAP_LIBRARY")
    path = named or (str(beside) if beside.exists() else ctypes.util.find_library("hsap"))
    if not path:
        raise ImportError("libhsap not found: build hsap and set HSAP_LIBRARY to "
                          "build/src/c_api/libhsap.so, or install it with meson install")
    try:
        library = ctypes.CDLL(path)
        library.hsap_abi.restype = c_int32
    except (OSError, AttributeError) as error:
        raise ImportError(f"{path} is not libhsap: {error}") from error
    if library.hsap_abi() != ABI:
        raise ImportError(f"{path} has ABI {library.hsap_abi()}, this package needs {ABI}: "
                          "install both from the same version of hsap")
    for name, (result, arguments) in CALLS.items():
        call = getattr(library, name)
        call.restype, call.argtypes = result, arguments
    return library


library = _open()


def version() -> str:
    """The version of libhsap."""
    return library.hsap_version().decode()


def call(name: str, *arguments):
    """Calls a function that can fail; raises what it leaves."""
    error = c_void_p()
    result = getattr(library, name)(*arguments, ctypes.byref(error))
    if result:
        return result
    if not error:
        raise MemoryError(f"{name} has no memory left for its error")
    kind, text = library.hsap_error_kind(error), library.hsap_error_text(error).decode()
    library.hsap_error_free(error)
    raise {1: Infeasible, 2: BadInput}.get(kind, Error)(text)


def integers(cu_seqlens) -> "list[int]":
    """Of any sequence; numbers that ctypes would cut to size without a word are refused."""
    # A tensor's numbers at once: one by one each is a copy from its device.
    listed = cu_seqlens.tolist() if hasattr(cu_seqlens, "tolist") else cu_seqlens
    try:
        return array.array("q", list(listed)).tolist()
    except (TypeError, OverflowError) as error:
        raise BadInput(f"cu_seqlens are no list of integers: {error}") from error
