"""A throw-away Kerberos realm: a real MIT KDC on loopback or in a lab, all of it
in one temporary directory. No file of the system is read or written."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from keytabs import keytab
from stage import TOOLS, Lab, address, endpoint, wait_for

NAME = "EXAMPLE.TEST"
ENCTYPES = "aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal"


class Realm:
    """Use as a context manager: on loopback, or on a host of a lab."""

    def __init__(self, lab: Lab | None = None, host: str = "s3", family: int = 4) -> None:
        self.lab, self.host = lab, host
        self.address = "127.0.0.1" if lab is None else address(host, family)
        self.kdc: subprocess.Popen[Any] | None = None

    def __enter__(self) -> Realm:
        self.folder = tempfile.TemporaryDirectory(prefix="hapair-realm-")
        self.dir = self.folder.name
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        self.env = {
            **os.environ,
            "KRB5_CONFIG": f"{self.dir}/krb5.conf",
            "KRB5_KDC_PROFILE": f"{self.dir}/kdc.conf",
            "KRB5CCNAME": f"FILE:{self.dir}/cc",
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        }
        self.configure()
        os.mkdir(f"{self.dir}/kdc")
        self.tool("kdb5_util", "create", "-s", "-r", NAME, "-P", "x")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.folder.cleanup()

    def configure(self, **more: str) -> None:
        """Writes krb5.conf, with further settings of [libdefaults]."""
        defaults = {
            "default_realm": NAME,
            "dns_lookup_realm": "false",
            "dns_lookup_kdc": "false",
            "dns_canonicalize_hostname": "false",
            "rdns": "false",
            "qualify_shortname": '""',
            "udp_preference_limit": "1",
            **more,
        }
        lines = "".join(f" {key} = {value}\n" for key, value in defaults.items())
        kdc = endpoint(self.address, self.port)
        Path(self.dir, "krb5.conf").write_text(
            f"[libdefaults]\n{lines}[realms]\n {NAME} = {{\n"
            f"  kdc = {kdc}\n }}\n"
            f"[domain_realm]\n .example.test = {NAME}\n"
        )
        Path(self.dir, "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = {kdc}\n"
            f"[realms]\n {NAME} = {{\n  database_name = {self.dir}/kdc/principal\n"
            f"  key_stash_file = {self.dir}/kdc/stash\n  acl_file = {self.dir}/kdc/acl\n"
            f"  max_life = 1h\n  supported_enctypes = {ENCTYPES}\n }}\n"
            f"[logging]\n kdc = FILE:{self.dir}/kdc.log\n"
        )

    def tool(self, *argv: str, **more: Any) -> str:
        done = subprocess.run(list(argv), env=self.env, capture_output=True, text=True, **more)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def admin(self, *commands: str) -> None:
        text = "".join(f"{c}\n" for c in commands)
        done = subprocess.run(
            ["kadmin.local"], input=text, env=self.env, capture_output=True, text=True
        )
        # It has no other way to say that a command failed.
        trouble = [x for x in done.stderr.splitlines() if "No policy specified" not in x]
        assert done.returncode == 0 and not trouble, trouble

    def add(self, *principals: str) -> None:
        self.admin(*(f"addprinc -randkey {p}" for p in principals))

    def extract(self, path: str, *principals: str) -> str:
        """As operators do, with a new key each time."""
        self.admin(*(f"ktadd -k {path} {p}" for p in principals))
        return path

    def start(self, ahead_s: int = 0) -> None:
        """The KDC, whose clock may be another than ours."""
        env = dict(self.env)
        if ahead_s != 0:
            clock = Path(self.dir, "clock")
            clock.write_bytes(ahead_s.to_bytes(8, "little", signed=True))
            env["LD_PRELOAD"] = str(Path(TOOLS).parent / "preload/clock.so")
            env["HAPAIR_CLOCK_STEP"] = str(clock)
        with open(f"{self.dir}/kdc.out", "ab") as out:
            argv = ["/usr/sbin/krb5kdc", "-n", "-P", f"{self.dir}/kdc.pid"]
            more: dict[str, Any] = {"env": env, "stdout": out, "stderr": out}
            if self.lab is None:
                self.kdc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **more)
            else:
                self.kdc = self.lab.spawn(self.host, argv, **more)

        def listening() -> bool:
            """the KDC takes connections"""
            with contextlib.suppress(OSError):
                if self.lab is None:
                    socket.create_connection((self.address, self.port), 1).close()
                else:
                    self.lab.connect(self.host, self.address, self.port, 1).close()
                return True
            assert self.kdc and self.kdc.poll() is None, Path(self.dir, "kdc.out").read_text()
            return False

        wait_for(listening, 20)

    def stop(self) -> None:
        if self.kdc is not None:
            self.kdc.terminate()
            self.kdc.wait()
            self.kdc = None

    def on(self, host: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on a host of the lab, in this realm."""
        assert self.lab is not None
        names = ("KRB5_CONFIG", "KRB5CCNAME")
        return self.lab.run(host, "env", *(f"{n}={self.env[n]}" for n in names), *argv)

    def verify(self, *words: str) -> tuple[int, str]:
        """(exit status, what it found)"""
        done = keytab("verify", *words, env=self.env)
        assert done.returncode in (0, 1) and done.stderr == "", done.stderr
        return done.returncode, done.stdout


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
