"""keepalived and haproxy on the demo's two proxy hosts, for its acts.

Configured for speed, as far as they let one: VRRPv3 with the heartbeat that hapair
has by default, at real-time priority; scripts as often as they can be run; and
haproxy started again after 100 ms, as Debian's unit does it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import lab as labs
from lab import VIP, Lab, address, wait_for

# advert_int: VRRPv3 counts hundredths of a second; a backup claims after three
# and its skew, 72 ms, beside hapair's 60. nopreempt wants both to begin as BACKUP.
# A script every second is the most that keepalived does; two failures, so that
# haproxy can be started again in place.
KEEPALIVED = """\
global_defs {
  router_id NAME
  vrrp_version 3
  vrrp_rt_priority 50
  vrrp_no_swap
  script_user root
  enable_script_security
}
vrrp_script haproxy {
  script "/bin/sh -c 'kill -0 $(cat DIR/haproxy.pid)'"
  interval 1
  fall 2
  rise 1
}
vrrp_sync_group both {
  group { v4 v6 }
  track_script { haproxy }
}
vrrp_instance v4 {
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 77
  priority PRIORITY
  advert_int 0.02
  virtual_ipaddress { VIP4/24 }
}
vrrp_instance v6 {
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 78
  priority PRIORITY
  advert_int 0.02
  virtual_ipaddress { VIP6/64 }
}
"""

# All addresses: a backup needs no sysctl for one that it does not have yet.
HAPROXY = """\
defaults
  mode tcp
  timeout connect 2s
  timeout client 10m
  timeout server 10m
listen redis
  bind :::6379 v4v6
  balance roundrobin
  default-server check inter 500ms
  server redis1 SERVER1:6379
  server redis2 SERVER2:6379
  server redis3 [SERVER3]:6379
"""
# In the foreground haproxy writes no file with its process.
AGAIN = """\
while :; do
	haproxy -db -f "$1/haproxy.cfg" & echo $! >"$1/haproxy.pid"
	wait $!
	sleep 0.1
done
"""


class Peers:
    """Both of them on both hosts; the same methods as hapair's pair has."""

    haproxy_cfg = HAPROXY  # of who relays something else

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.gone = ""  # the host that is cut off
        self.keepalived: dict[str, subprocess.Popen[Any]] = {}
        self.haproxy: dict[str, subprocess.Popen[Any]] = {}

    def begin(self) -> None:
        for host, priority in (("p1", "150"), ("p2", "100")):
            words = {
                "NAME": host, "PRIORITY": priority, "DIR": self.lab.host_dir(host),
                "VIP4": VIP[4], "VIP6": VIP[6], "SERVER1": address("s1"),
                "SERVER2": address("s2"), "SERVER3": address("s3", 6),
            }
            for name, text in (("keepalived.conf", KEEPALIVED), ("haproxy.cfg", self.haproxy_cfg)):
                for word, value in words.items():
                    text = text.replace(word, value)
                Path(self.lab.host_dir(host), name).write_text(text)
            self.start(host)
        self.settle()

    def log(self, host: str) -> str:
        return f"{self.lab.dir}/{host}-peers.log"

    def start(self, host: str) -> None:
        home, log = self.lab.host_dir(host), self.log(host)
        if host not in self.haproxy:
            argv = ["sh", "-c", AGAIN, "sh", home]
            self.haproxy[host] = self.lab.spawn(host, argv, log=log)
            # A keepalived that was killed leaves its addresses, and the next one
            # does not remove them: an operator does, or both hosts have them.
            for family, size in labs.PREFIX.items():
                self.lab.run(host, "ip", "addr", "del", f"{VIP[family]}/{size}", "dev", "eth0")
        argv = ["keepalived", "-n", "-l", "-P", "-f", f"{home}/keepalived.conf"]
        argv += ["-p", f"{home}/keepalived.pid", "-r", f"{home}/vrrp.pid"]
        self.keepalived[host] = self.lab.spawn(host, argv, log=log)

    def is_dead(self, host: str) -> bool:
        return self.keepalived[host].poll() is not None

    def masters(self) -> list[str]:
        """Who acts as one: keepalived says it to nobody, so by the addresses."""
        return [h for h in self.holders() if h in labs.PROXIES and not self.is_dead(h)]

    def holders(self) -> list[str]:
        v4, v6 = self.lab.holders(VIP[4]), self.lab.holders(VIP[6])
        return v4 if v4 == v6 else sorted({*v4, *v6, "torn"})

    def relays(self, host: str) -> bool:
        try:
            with self.lab.connect("c", address(host), 6379, timeout=1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(5) == b"+PONG"
        except OSError:
            return False

    def are_well(self) -> bool:
        """keepalived and haproxy run on both hosts, and one has the addresses"""
        one = len(self.masters()) == len(self.holders()) == 1
        return one and all(map(self.relays, labs.PROXIES))

    def settle(self) -> None:
        wait_for(self.are_well, 15, 0.05)
        time.sleep(1)  # the scripts have their turn, and the backup hears the master

    # -- what is done to them ----------------------------------------------------

    def kill(self, host: str) -> None:
        for pid in self.lab.pids(host):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        del self.haproxy[host]
        self.keepalived[host].wait()
        # Its child is ours now, and would count as running until it is buried.
        for file in ("keepalived.pid", "vrrp.pid"):
            Path(self.lab.host_dir(host), file).unlink(missing_ok=True)
        labs.reap()

    def cut(self, host: str) -> None:
        self.gone = host
        self.lab.power_cut(host)

    def restore(self, host: str) -> None:
        self.gone = ""
        self.lab.restore(host)

    def stop(self, host: str) -> None:
        """`systemctl stop keepalived`: haproxy goes on, for whom it has."""
        self.keepalived[host].terminate()
        self.keepalived[host].wait()

    def kill_relay(self, host: str) -> None:
        os.kill(int(Path(self.lab.host_dir(host), "haproxy.pid").read_text()), signal.SIGKILL)
