"""A role that says what it should not: a duplicate of its channel's descriptor, taken
out of the process, and written to in its place. The process itself goes on as it was."""

from __future__ import annotations

import array
import contextlib
import ctypes
import os
import re
import signal
import socket
import struct
from pathlib import Path
from typing import Any, Iterator

from stage import ROOT

PIDFD_GETFD = 438  # the same on all architectures
SUPERVISOR_FD = 3  # of a role: CHILD_CHAN_FD
LIBC = ctypes.CDLL(None, use_errno=True)


def read_types() -> dict[str, int]:
    """The numbers of core/msg.h: the first is 1, and they are in order."""
    text = (ROOT / "core/msg.h").read_text()
    body = re.search(r"^enum msg_type \{(.*?)^\};", text, re.M | re.S)
    assert body
    names = re.findall(r"^\tMSG_(\w+)", body[1], re.M)
    return {name: number for number, name in enumerate(names, 1)}


TYPES = read_types()


def duplicate(pid: int, fd: int) -> socket.socket:
    pidfd = os.pidfd_open(pid)
    try:
        got = LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if got == -1:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return socket.socket(fileno=got)
    finally:
        os.close(pidfd)


class Impostor:
    """Speaks over one of a role's channels."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)

    def __enter__(self) -> Impostor:
        return self

    def __exit__(self, *_: Any) -> None:
        self.sock.close()

    def send(self, kind: str | int, body: bytes = b"", fds: tuple[int, ...] = ()) -> bool:
        """Whether the channel took it."""
        number = kind if isinstance(kind, int) else TYPES[kind]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([struct.pack("=H", number) + body], rights)
        except (BlockingIOError, BrokenPipeError, ConnectionError):
            return False
        return True

    def end(self) -> None:
        """Of both directions, for both sides."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


def to_supervisor(pid: int) -> Impostor:
    return Impostor(duplicate(pid, SUPERVISOR_FD))


def to_other_role(pid: int) -> Impostor:
    """The channel that the supervisor gave to both roles."""
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if path.name == str(SUPERVISOR_FD) or not os.readlink(path).startswith("socket:"):
                continue
            sock = duplicate(pid, int(path.name))
            if sock.family == socket.AF_UNIX and sock.type == socket.SOCK_SEQPACKET:
                return Impostor(sock)
            sock.close()
    raise AssertionError(f"process {pid} has no channel to the other role")


@contextlib.contextmanager
def lingering(count: int) -> Iterator[list[int]]:
    """Sockets whose last close waits for half a minute, as long as nobody reads."""
    with contextlib.ExitStack() as readers, socket.create_server(("127.0.0.1", 0)) as listener:
        fds = []
        for _ in range(count):
            sock = socket.create_connection(listener.getsockname())
            readers.enter_context(listener.accept()[0])
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sock.send(bytes(1 << 20))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
            fds.append(sock.detach())
        yield fds


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
