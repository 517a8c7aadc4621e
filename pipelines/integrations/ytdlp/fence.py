"""The kernel's fence around the download process and all that it starts: TCP goes to one port, nothing listens.

Landlock does it, on Linux from 6.7 on; an older kernel leaves it to guard.py, which sees only what Python does.
"""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)

# From linux/landlock.h; the numbers of the calls are the same on all processors.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_RULE_NET_PORT = 2
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABI_WITH_NET = 4

# From linux/prctl.h; without it only root may put up a fence.
_SET_NO_NEW_PRIVS = 38


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64))


class _Port(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def possible() -> bool:
    """Whether this kernel has such fences."""
    return int(_LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)) >= _ABI_WITH_NET


def put_up(port: int) -> bool:
    """From here on this thread, and whatever it starts, connects by TCP to that port only. False: it cannot be done."""
    if not possible():
        return False
    rules = _Ruleset(handled_access_net=_BIND_TCP | _CONNECT_TCP)
    ruleset = _LIBC.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), 0)
    if ruleset < 0:
        return False
    try:
        door = _Port(allowed_access=_CONNECT_TCP, port=port)
        return not (
            _LIBC.syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.byref(door), 0)
            or _LIBC.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            or _LIBC.syscall(_RESTRICT_SELF, ruleset, 0)
        )
    finally:
        os.close(ruleset)
