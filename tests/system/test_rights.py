"""Goal: whoever takes a process over can do its work with it, and nothing else. What
each may do is the table of doc/security.md, which is compared with /proc."""

import contextlib
import ctypes
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Callable, Iterator

from inject import call, ends_by, works
from test_director_process import KERNEL, kernel_service, work

from stage import BINARY, ROOT, SLOW, Stage, alive, single, wait_for

NOBODY = 65534
CAPS = {"net_admin": 1 << 12, "net_raw": 1 << 13, "bpf": 1 << 39}
PR_GET_DUMPABLE, PR_SET_KEEPCAPS = 3, 8
AF_ALG, AF_INET, SOCK_STREAM = 38, 2, 1
EXEC, WRITE_CREATE = 4, os.O_WRONLY | os.O_CREAT
LANDLOCK_ABI = ctypes.CDLL(None).syscall(444, None, 0, 1)


def is_sanitized() -> bool:
    program = Path(BINARY).read_bytes()
    return any(word in program for word in (b"__asan_init", b"__tsan_init", b"__ubsan_"))


def table() -> Iterator[tuple[str, str, dict[str, str]]]:
    """(file of /proc/PID, what is in it, {process: cell})"""
    text = (ROOT / "doc/security.md").read_text()
    processes = ("supervisor", "failover", "relay", "director")
    for file, what, cells in re.findall(r"^\| `(\w+)`: ([^|]+) \|(.*)\|$", text, re.M):
        values = [cell.strip() for cell in cells.split("|")]
        yield file, what, dict(zip(processes, values, strict=True))


def fields(path: Path) -> dict[str, str]:
    return {k: v.strip() for k, _, v in (x.partition(":") for x in path.read_text().splitlines())}


def is_as_told(what: str, value: str, cell: str, started: str) -> bool:
    if cell == "started":
        return value == started
    if what in ("Uid", "Gid"):
        numbers = set(value.split())
        return numbers == {"0"} if cell == "0" else len(numbers) == 1 and "0" not in numbers
    if what == "Groups":
        return value == ""
    if what.startswith("Cap"):
        words = cell.split() if cell != "none" else []
        return int(value, 16) == sum(CAPS[word] for word in words)
    if cell.startswith("at least "):
        least = int(cell.split()[-1], 8)
        return int(value, 8) & least == least
    return value == cell


def is_allowed(target: str, file: str, node_dir: str) -> bool:
    """A descriptor, by what doc/security.md says of files."""
    if re.match(r"(socket|pipe):|anon_inode:\[(eventpoll|eventfd|timerfd|signalfd)\]", target):
        return True
    kinds = {"null": r"/dev/null", "log": rf"{node_dir}/.*\.log",
             "state": r".*(\.lock|/state)", "configuration": r"/memfd:hapair\.yaml.*",
             "thread": r"/proc/\d+/task/\d+/stat", "pins": r".*/bpf/hapair",
             "bpf": r"anon_inode:(bpf-map|bpf-prog|bpf_link|btf)",
             "liveness": r"/memfd:pulse.*", "keytab": r"/memfd:hapair-keytab.*"}
    return any(re.fullmatch(kinds[word], target) for word in file.split() if word in kinds)


def descriptors(pid: int) -> Iterator[tuple[int, str]]:
    """And what they are of; those that are there for longer than a moment."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield int(fd), os.readlink(f"/proc/{pid}/fd/{fd}")


def processes(stage: Stage) -> dict[str, int]:
    node = stage["p1"]
    return {"supervisor": node.pid, **node.roles()}


def test_rights_are_as_the_table_says() -> None:
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve()
        stage.start()
        wait_for(lambda: work(stage) == "works", 10)
        found = processes(stage)
        own = fields(Path("/proc/self/status"))
        rows = list(table())
        assert len(rows) > 12, rows
        assert {"supervisor", "failover", "relay", "director"} == set(found)
        for role, pid in found.items():
            for file, what, cells in rows:
                if file == "status" and not (what == "Seccomp" and is_sanitized()):
                    value = fields(Path(f"/proc/{pid}/status"))[what]
                    assert is_as_told(what, value, cells[role], own[what]), (role, what, value)
                elif file == "limits":
                    line = re.search(rf"^{what} +(\S+) +(\S+)", Path(f"/proc/{pid}/limits").read_text(), re.M)
                    assert line and {line[1], line[2]} == {cells[role]}, (role, what)
            files = " ".join(cells[role] for file, _, cells in rows if file == "fd")
            for fd, target in descriptors(pid):
                assert is_allowed(target, files, stage.lab.dir), (role, fd, target)
        uids = {fields(Path(f"/proc/{pid}/status"))["Uid"].split()[0] for pid in found.values()}
        assert len(uids) == 4 and str(NOBODY) not in uids, uids
        # What is not dumpable belongs to root there, whoever runs it.
        assert {os.stat(f"/proc/{found[role]}/fd").st_uid for role in ("failover", "relay", "director")} == {0}
        if works() and not is_sanitized():
            assert call(found["supervisor"], "prctl", PR_GET_DUMPABLE) == 0
            assert ends_by(found["director"], "execve", "/bin/sh", 0, 0)


class CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def become(pid: int) -> None:
    """This process has the user and the capabilities of that one."""
    libc = ctypes.CDLL(None, use_errno=True)
    status = fields(Path(f"/proc/{pid}/status"))
    caps = int(status["CapEff"], 16)
    uid, gid = int(status["Uid"].split()[0]), int(status["Gid"].split()[0])
    assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
    os.setgroups([int(g) for g in status["Groups"].split()])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    data = (ctypes.c_uint32 * 6)(caps, caps, 0, caps >> 32, caps >> 32, 0)
    assert libc.capset(ctypes.byref(CapHeader(0x20080522, 0)), data) == 0


def is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except PermissionError:
        return True
    return False


def test_s8_in_failovers_place() -> None:
    """With its user and capabilities, and no filter at all: what is root's is safe."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        failover = stage["p1"].failover()
        target = "/etc/hapair-was-here"
        child = os.fork()
        if child == 0:
            status = 1
            try:
                become(failover)
                acts = (lambda: os.kill(1, 0), lambda: os.kill(stage["p1"].pid, 0),
                        lambda: open(target, "w"), lambda: open("/etc/shadow"),
                        lambda: open(stage.key_file), lambda: open("/proc/sys/kernel/core_pattern", "w"))
                status = 0 if all(map(is_refused, acts)) else 2
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert not Path(target).exists()
        assert os.waitstatus_to_exitcode(status) == 0


def test_refused_calls_end_the_process_and_are_named() -> None:
    if is_sanitized() or not works():
        return
    with Stage() as stage:
        stage.serve()
        stage.start()
        node = stage["p1"]
        for role, name, values in (
            ("relay", "ptrace", (0, 0, 0, 0)),
            ("relay", "socket", (AF_ALG, SOCK_STREAM, 0)),
            ("relay", "kill", (1, 0)),
            ("failover", "execve", ("/bin/sh", 0, 0)),
            ("failover", "openat", (-100, "/etc/hapair-was-here", WRITE_CREATE, 0o600)),
        ):
            wait_for(lambda: role in node.roles() and stage.ask() is not None, 5)
            pid = node.roles()[role]
            wait_for(lambda: fields(Path(f"/proc/{pid}/status"))["Seccomp"] == "2", 5)
            assert ends_by(pid, name, *values), (role, name)
            said = f"{role}: [process] process {pid} made the system call '{name}'"
            assert node.tells(said), said
            wait_for(lambda: node.roles().get(role, pid) != pid, 5)
        assert not Path("/etc/hapair-was-here").exists()
        stage.wait_serving("p1")


def test_files_that_are_none_of_theirs() -> None:
    """Everybody may read it; they may not. And what would make memory run."""
    if is_sanitized() or not works():
        return
    with Stage() as stage:
        stage.serve()
        stage.start()
        os.chmod(stage.lab.dir, 0o755)
        path = f"{stage.lab.dir}/readable"
        Path(path).write_text("text")
        roles = stage["p1"].roles()
        wait_for(lambda: fields(Path(f"/proc/{roles['failover']}/status"))["Seccomp"] == "2", 5)
        assert call(roles["failover"], "openat", -100, path, 0) == -13
        if LANDLOCK_ABI > 0:
            assert call(roles["relay"], "openat", -100, path, 0) == -13
        assert call(roles["relay"], "openat", -100, "/etc/hosts", 0) >= 0
        assert ends_by(roles["relay"], "mprotect", 0x10000, 4096, EXEC)


def test_nothing_of_the_launcher_is_inherited() -> None:
    """Not its descriptors, of which one is a secret's, nor its environment."""
    with single() as stage, socket.socket() as left_open:
        stage.serve()
        os.set_inheritable(left_open.fileno(), True)
        inode = os.readlink(f"/proc/self/fd/{left_open.fileno()}")
        os.environ["SECRET_OF_THE_LAUNCHER"] = "yes"
        try:
            stage["p1"].start(close_fds=False)
        finally:
            del os.environ["SECRET_OF_THE_LAUNCHER"]
        stage.wait_serving("p1")
        for role, pid in processes(stage).items():
            assert inode not in [target for _, target in descriptors(pid)], role
            if role != "supervisor":
                assert b"SECRET_OF" not in Path(f"/proc/{pid}/environ").read_bytes(), role


def test_s13_shared_user_is_told() -> None:
    """Whoever has the relay's user can end it; by default nobody else has."""
    with single(user="nobody") as stage:
        stage.serve()
        stage.start()
        assert stage["p1"].tells("relay: [rights] runs as user 'nobody', whose other processes can end it")
    with single() as stage:
        stage.serve()
        stage.start()
        relay = stage["p1"].relay()
        child = os.fork()
        if child == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os._exit(0 if is_refused(lambda: os.kill(relay, 15)) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert alive(relay)


def locked_text(pid: int) -> dict[str, int]:
    """KiB of each file's program text that a process has locked into memory."""
    found: dict[str, int] = {}
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and len(words) >= 5:
            name = Path(words[5]).name if len(words) > 5 and "x" in words[1] else ""
        elif name and words[0] == "Locked:":
            found[name] = found.get(name, 0) + int(words[1])
    return found


def test_with_what_the_unit_leaves() -> None:
    """Its capabilities and limits are enough, also for a failover that is real-time and
    keeps its memory: that takes limits, where this machine lets them be raised."""
    unit = (ROOT / "scripts/hapair.service").read_text()
    caps = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)
    assert caps and "LimitMEMLOCK=infinity" in unit and "LimitRTPRIO=50" in unit
    names = ",".join(f"+{c.removeprefix('CAP_').lower()}" for c in caps[1].split())
    bound = ("setpriv", f"--bounding-set=-all,{names}", "--no-new-privs", "--")
    limits = ("prlimit", "--memlock=unlimited", "--rtprio=50")
    raised = subprocess.run([*limits, "true"], stderr=subprocess.DEVNULL).returncode == 0
    with Stage([kernel_service()], kernel=KERNEL) as stage:
        stage.lab.bpf_files()
        stage.serve()
        stage["p1"].start(prefix=(*(limits if raised else ()), *bound))
        stage["p2"].start()
        stage.wait_master("p1")
        stage.wait_serving("p1")
        wait_for(lambda: work(stage) == "works", 10)
        failover = stage["p1"].failover()
        if raised:
            policy = os.sched_getscheduler(failover) & ~os.SCHED_RESET_ON_FORK
            assert policy == os.SCHED_FIFO
            locked = locked_text(failover)
            assert locked["hapair"] > 0, locked
            assert locked["libc.so.6"] > 0, locked
            # What only other roles use: its sockets close after its memory is freed.
            for name in locked:
                if name.startswith("libkrb5"):
                    assert locked[name] == 0, locked
            assert "going on without" not in stage["p1"].log()
        assert stage["p1"].stop() == 0
