"""Turning callgrind's counting on and off from within the program that is counted.

A program speaks to valgrind by a sequence of instructions that does nothing anywhere else; valgrind sees it and does
what a block of memory asks for ("client requests", see the sections *Client Request mechanism* of valgrind.h and
*Client requests* of callgrind's manual). C programs get it from a macro. We have no C, so the same few bytes are put
into memory of their own and called through ctypes. Without it, starting Python and importing Hookline would be counted
too, and take forty seconds instead of eight.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct

#: A function of one argument, the address of a request. By `__SPECIAL_INSTRUCTION_PREAMBLE` and
#: `VALGRIND_DO_CLIENT_REQUEST_EXPR` of valgrind.h; the answer to a request that nobody hears is 0.
_CODE = {
    "x86_64": bytes.fromhex(
        "4889f8"  # mov rax, rdi: the request
        "31d2"  # xor edx, edx: the answer
        "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi, 3, 13, 61, 51: all the way round
        "4887db"  # xchg rbx, rbx: now
        "4889d0"  # mov rax, rdx
        "c3"  # ret
    ),
    "aarch64": struct.pack(
        "<9I",
        0xAA0003E4,  # mov x4, x0: the request
        0xD2800003,  # mov x3, #0: the answer
        0x93CC0D8C,  # ror x12, x12, 3, 13, 51, 61: all the way round
        0x93CC358C,
        0x93CCCD8C,
        0x93CCF58C,
        0xAA0A014A,  # orr x10, x10, x10: now
        0xAA0303E0,  # mov x0, x3
        0xD65F03C0,  # ret
    ),
}

_RUNNING_ON_VALGRIND = 0x1001
#: `VG_USERREQ_TOOL_BASE('C', 'T')`, and what callgrind.h counts from there.
_CALLGRIND = (ord("C") << 24) | (ord("T") << 16)
_DUMP_STATS, _ZERO_STATS, _START_INSTRUMENTATION, _STOP_INSTRUMENTATION = (_CALLGRIND + n for n in (0, 1, 4, 5))


class Switch:
    """The switch of the valgrind that runs this process. Raises RuntimeError on a processor that we cannot speak."""

    def __init__(self) -> None:
        code = _CODE.get(platform.machine())
        if code is None:
            raise RuntimeError(f"we cannot speak to valgrind on {platform.machine()}, only on {' and '.join(_CODE)}")
        self._memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._memory.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)

    @property
    def is_there(self) -> bool:
        """Whether this process runs on valgrind."""
        return self._ask(_RUNNING_ON_VALGRIND) != 0

    def on(self) -> None:
        """Count from now on, from zero."""
        self._ask(_START_INSTRUMENTATION)
        self._ask(_ZERO_STATS)

    def off(self) -> None:
        """Write down what was counted, and count no more."""
        self._ask(_DUMP_STATS)
        self._ask(_STOP_INSTRUMENTATION)

    def _ask(self, request: int) -> int:
        block = (ctypes.c_uint64 * 6)(request)
        return int(self._call(ctypes.addressof(block)))
