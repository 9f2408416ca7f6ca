"""Makes a live process call the kernel as whoever took it over could.

Root stops a thread, has it make one system call in place of the one it waits in, and
lets it go on as if nothing had been.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long] * 4

CONT, GETREGS, SETREGS, DETACH, TO_CALL = 7, 12, 13, 17, 24
SEIZE, INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000
SYSCALL = b"\x0f\x05"  # the instruction

# As in struct user_regs_struct of x86-64.
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags "
         "rsp ss fs_base gs_base ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
NUMBERS = {"read": 0, "open": 2, "mprotect": 10, "socket": 41, "kill": 62, "ptrace": 101,
           "setuid": 105, "prctl": 157, "execve": 59, "openat": 257, "bpf": 321,
           "io_uring_setup": 425}


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


def works() -> bool:
    return platform.machine() == "x86_64"


def trace(request: int, pid: int, data: int = 0) -> None:
    if LIBC.ptrace(request, pid, 0, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {pid}")


def stopped(pid: int) -> int:
    """By which signal; 0: it has ended."""
    _, status = os.waitpid(pid, WALL)
    return os.WSTOPSIG(status) if os.WIFSTOPPED(status) else 0


def catch(pid: int, patience_s: float = 5) -> Registers:
    """In a call that it waits in."""
    registers = Registers()
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        trace(INTERRUPT, pid)
        stopped(pid)
        trace(GETREGS, pid, ctypes.addressof(registers))
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(registers.rip - len(SYSCALL))
            if memory.read(len(SYSCALL)) == SYSCALL:
                return registers
        trace(CONT, pid)
        time.sleep(0.002)
    raise TimeoutError(f"process {pid} never waits")


def is_pending(pid: int, sig: signal.Signals) -> bool:
    mask = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigPnd" in x)
    return int(mask.split()[1], 16) >> (sig - 1) & 1 == 1


def call(pid: int, name: str, *values: int | str) -> int | None:
    """What the kernel answered, -errno included; None: the process has ended by it. A
    text is passed as the address of one, and what it wrote there is lost."""
    trace(SEIZE, pid)
    before = catch(pid)
    now = Registers.from_buffer_copy(before)
    now.rip -= len(SYSCALL)
    now.rax, now.orig_rax = NUMBERS[name], 2**64 - 1
    for register, value in zip(ARGUMENTS, values):
        if isinstance(value, str):
            place = before.rsp - 8192
            with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(place)
                memory.write(value.encode() + b"\0")
            value = place
        setattr(now, register, value % 2**64)
    trace(SETREGS, pid, ctypes.addressof(now))
    for _ in ("entered", "left"):
        trace(TO_CALL, pid)
        sig = stopped(pid)
    if sig != signal.SIGTRAP or is_pending(pid, signal.SIGSYS):
        if sig != 0:
            trace(DETACH, pid)
        return None
    trace(GETREGS, pid, ctypes.addressof(now))
    trace(SETREGS, pid, ctypes.addressof(before))
    trace(DETACH, pid)
    return ctypes.c_long(now.rax).value


def ends_by(pid: int, name: str, *values: int | str) -> bool:
    """The call ends the process."""
    if call(pid, name, *values) is not None:
        return False
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.005)
    return not Path(f"/proc/{pid}").exists()
