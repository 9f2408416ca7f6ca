"""Goal: what other programs do to a host's addresses costs no heartbeat."""

import time

from stage import SLOW, VIP, Stage, address, limit, service, wait_for

MANY = 10000
OTHERS = [f"10.88.{i // 250}.{i % 250 + 1}" for i in range(MANY)]


def batch(stage: Stage, *lines: str, host: str = "p1") -> None:
    path = f"{stage.lab.dir}/batch"
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    done = stage.lab.run(host, "ip", "-batch", path, timeout=60)
    assert done.returncode == 0, done.stderr


@limit(60)
def test_thousands_come_and_go() -> None:
    """Ten thousand addresses are added to the master's interface and flushed
    again: it stays master, and its failover is the process that it was."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        before = stage["p1"].roles()
        moves = [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")]
        batch(stage, *(f"addr add {a}/32 dev eth0" for a in OTHERS))
        batch(stage, "addr flush dev eth0 to 10.88.0.0/16")
        stage.wait_master("p1")
        assert stage["p1"].roles() == before
        after = [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")]
        assert after == moves, stage["p1"].log()


def alone(cidr: str) -> str:
    """As the node adds it: a host of its own."""
    ip = cidr.split("/")[0]
    return f"{ip}/{128 if ':' in ip else 32}"


def test_all_are_deleted() -> None:
    """Every virtual IP of many at once: all are back, and nobody took over."""
    addresses = [f"10.77.0.{i}/24" for i in range(100, 131)] + [f"{VIP[6]}/64"]
    group = {"name": "main", "interface": "eth0", "addresses": addresses}
    with Stage(pair={"groups": [group]}) as stage:
        stage.serve()
        stage.start()
        for _ in range(5):
            batch(stage, *(f"addr del {alone(a)} dev eth0" for a in addresses))
            wait_for(lambda: len(set(stage.lab.addresses("p1"))) == len(addresses) + 2, 2 * SLOW)
        stage.wait_master("p1")
        assert stage["p2"].status()["groups"][0]["transitions"] == 1
        assert stage["p1"].tells("another program deleted a virtual IP")


def test_interface_that_goes_down() -> None:
    """It takes the IPv6 ones along: no other program has done that, and nothing
    is mended that is on its way to the peer."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        batch(stage, "link set eth0 down")
        wait_for(lambda: stage["p2"].state() == "master", 5 * SLOW)
        wait_for(lambda: stage.lab.holders(VIP[4]) == stage.lab.holders(VIP[6]) == ["p2"], 5 * SLOW)
        batch(stage, "link set eth0 up")
        stage.wait_master("p2", 10)
        log = stage["p1"].log()
        assert "master -> fault, reason: interface eth0 is down" in log
        assert "deleted a virtual IP" not in log and "renewing" not in log


def states(stage: Stage) -> list[str]:
    return [stage[h].state() for h in ("p1", "p2")]


ANEW = ("link add link eth0 name lan type macvlan mode bridge", "link set lan up")


def test_interface_that_comes_late_and_is_made_anew() -> None:
    """Not there at the start, then there; then deleted and made again in one go,
    under another number: each time who can serves, and clients find it."""
    addresses = [f"{VIP[4]}/24", f"{VIP[6]}/64"]
    group = {"name": "main", "interface": "lan", "addresses": addresses}
    with Stage(pair={"groups": [group]}) as stage:

        def wait(first: str, second: str) -> None:
            wait_for(lambda: states(stage) == [first, second], 5 * SLOW)

        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()
        wait("fault", "fault")
        batch(stage, *ANEW, host="p1")
        wait("master", "fault")
        batch(stage, *ANEW, host="p2")
        wait("master", "backup")
        for host in ("p1", "p2"):
            stage.wait_serving(host)
        assert stage.ask(4) and stage.ask(6)
        for _ in range(3):
            master = "p1" if stage["p1"].state() == "master" else "p2"
            batch(stage, "link del lan", *ANEW, host=master)
            # Its peer has it, or it was so quick that nothing was missing.
            wait_for(lambda: sorted(states(stage)) == ["backup", "master"], 5 * SLOW)
            assert stage.ask(4) and stage.ask(6)


def own(stage: Stage, host: str, verb: str, *what: str) -> None:
    batch(stage, *(f"addr {verb} {one} dev eth0" for one in what), host=host)


@limit(60)
def test_f04_the_hosts_own_address_comes_and_goes() -> None:
    """ifdown/ifup, DHCP: the virtual IPs stay, whatever promote_secondaries
    says; and when they leave, the host keeps its own."""
    for promote in ("0", "1"):
        with Stage() as stage:
            stage.serve("echo")
            stage.start()
            stage.lab.run("p1", "sysctl", "-qw", f"net.ipv4.conf.eth0.promote_secondaries={promote}")
            client = stage.client(4)
            client.settimeout(5)
            for _ in range(5):
                own(stage, "p1", "del", "10.77.0.1/24")
                own(stage, "p1", "add", "10.77.0.1/24")
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            stage.wait_master("p1")
            assert stage["p1"].status()["groups"][0]["transitions"] == 1
            assert stage["p1"].stop() == 0
            wait_for(lambda: stage.lab.holders(VIP[4]) == ["p2"], 5 * SLOW)
            assert "10.77.0.1" in stage.lab.addresses("p1")


@limit(30)
def test_a_host_that_looks_for_duplicates_finds_none() -> None:
    """A node boots: while its kernel asks whether somebody else has its address the
    master, whose peer is silent, asks who has it, and that is no other host's claim."""
    own = f"{address('p2', 6)}/64"
    nodes = [
        {"name": name, "address": address(host, 6)}
        for host, name in (("p1", "proxy1"), ("p2", "proxy2"))
    ]
    with Stage(pair={"nodes": nodes}) as stage:
        stage["p1"].start()
        wait_for(lambda: stage["p1"].state() == "master", 5 * SLOW)
        for where in ("all", "eth0"):
            stage.lab.run("p2", "sysctl", "-qw", f"net.ipv6.conf.{where}.accept_dad=1")
        stage.ip("p2", "addr", "del", own, "dev", "eth0")
        assert stage.lab.run("p2", "ip", "addr", "add", own, "dev", "eth0").returncode == 0

        def shown() -> str:
            done = stage.lab.run("p2", "ip", "-o", "-6", "addr", "show", "to", own)
            return str(done.stdout)

        assert "tentative" in shown()
        wait_for(lambda: "tentative" not in shown() or "dadfailed" in shown(), 9, 0.05)
        assert "dadfailed" not in shown(), shown()


@limit(60)
def test_f08_an_interface_is_renamed_while_it_is_up() -> None:
    """What it took along does not stay behind under the new name."""
    addresses = [f"{VIP[4]}/24", f"{VIP[6]}/64"]
    group = {"name": "main", "interface": "lan", "addresses": addresses}
    with Stage(pair={"groups": [group]}) as stage:
        stage.serve()
        for host in ("p1", "p2"):
            batch(stage, *ANEW, host=host)
            stage[host].start()
            wait_for(lambda: states(stage)[0] == "master", 5 * SLOW)
        wait_for(lambda: states(stage) == ["master", "backup"], 5 * SLOW)
        batch(stage, "link set lan name lost", host="p1")
        wait_for(lambda: states(stage) == ["fault", "master"], 2 * SLOW)
        left = stage.lab.run("p1", "ip", "-br", "addr", "show", "dev", "lost").stdout
        assert VIP[4] not in left and VIP[6] not in left, left
        batch(stage, "link set lost name lan", host="p1")
        wait_for(lambda: states(stage) == ["backup", "master"], 5 * SLOW)


@limit(60)
def test_f09_a_stray_copy_on_the_backup() -> None:
    """Another program adds a virtual IP where it must not be: it is removed,
    and told, whatever its prefix and interface."""
    with Stage() as stage:
        stage.serve()
        stage.start()
        for what in (f"{VIP[4]}/24 dev eth0", f"{VIP[4]}/32 dev lo", f"{VIP[6]}/64 dev eth0 nodad"):
            batch(stage, f"addr add {what}", host="p2")
            family = 6 if ":" in what else 4
            wait_for(lambda: stage.lab.holders(VIP[family]) == ["p1"], 2 * SLOW)
        assert stage["p2"].tells("another program added a virtual IP")
        stage.wait_master("p1")
        assert stage["p1"].status()["groups"][0]["transitions"] == 1
        assert "another program" not in stage["p1"].log()


@limit(45)
def test_g08_as_many_addresses_as_there_may_be() -> None:
    """16 groups of 32 addresses, of both families and in no order: a handover and a
    takeover move all of them, and nothing is too large for the kernel."""
    groups = [
        {
            "name": f"g{g}",
            "interface": "eth0",
            "addresses": [
                *[f"10.77.{16 + g}.{2 * i + 1}/32" for i in range(16)],
                *[f"fd77::{g}:{i * 40503 % 65536:x}:{i * 7919 % 65536:x}/128" for i in range(16)],
            ],
        }
        for g in range(16)
    ]

    def holds(stage: Stage, host: str) -> None:
        wait_for(lambda: len(stage.lab.addresses(host)) == 512 + 2, 5 * SLOW)

    with Stage(services=[service(["*:80"])], pair={"groups": groups}) as stage:
        stage.serve()
        for host in ("p1", "p2"):
            stage[host].start()
            stage.wait_serving(host)
            wait_for(lambda: stage[host].state() in ("master", "backup"), 5 * SLOW)
        holds(stage, "p1")

        def hand_over() -> bool:
            """all of them have gone; on a slow machine muting may take too long"""
            done = stage["p1"].cli("handover")
            assert done.returncode == 0 or SLOW > 1, done.stderr
            return len(stage.lab.addresses("p2")) == 512 + 2

        wait_for(hand_over, 10 * SLOW)
        stage.lab.power_cut("p2")
        holds(stage, "p1")
        for host in ("p1", "p2"):
            said = [x for x in stage[host].log().splitlines() if "cannot" in x or "could not" in x]
            assert not [x for x in said if "be muted" not in x], said


def ipv6(stage: Stage, host: str, on: bool) -> None:
    stage.lab.run(host, "sysctl", "-qw", f"net.ipv6.conf.eth0.disable_ipv6={int(not on)}")


def refused(stage: Stage, host: str) -> tuple[list[str], list[str]]:
    """What this node cannot hold, and what its peer cannot, as it says."""
    status = stage[host].status()
    own = [one["address"] for one in status["groups"][0]["refused"]]
    return own, status["peers"][0]["groups"][0]["refused"]


@limit(60)
def test_f06_an_address_that_a_node_cannot_hold() -> None:
    """IPv6 is switched off on the master, then on both: who can hold all has
    all, the other addresses are served, and both nodes tell why it is so."""
    with Stage() as stage:
        v6 = f"{VIP[6]}/64"
        stage.serve()
        stage.start()
        ipv6(stage, "p1", False)
        wait_for(lambda: states(stage) == ["backup", "master"], 5 * SLOW)
        stage.wait_master("p2")
        wait_for(lambda: refused(stage, "p2") == ([], [v6]), 2 * SLOW)
        assert refused(stage, "p1") == ([v6], [])
        done = stage["p1"].cli("status")
        assert done.returncode == 1, done.stdout
        assert f"cannot hold {v6} on eth0: IPv6 is switched off there" in done.stdout, done.stdout
        assert f"peer proxy1 cannot hold {v6}" in stage["p2"].cli("status").stdout
        done = stage["p2"].cli("handover")
        assert done.returncode == 1 and "less able to serve it" in done.stderr, done
        ipv6(stage, "p2", False)
        wait_for(lambda: refused(stage, "p1") == ([v6], [v6]), 5 * SLOW)
        assert stage.ask(4)
        assert states(stage) == ["backup", "master"]
        assert [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")] == [2, 2]
        ipv6(stage, "p1", True)
        wait_for(lambda: states(stage) == ["master", "backup"], 9 * SLOW)
        wait_for(lambda: stage.lab.holders(VIP[6]) == ["p1"], 2 * SLOW)
        ipv6(stage, "p2", True)
        wait_for(lambda: refused(stage, "p1") == ([], []), 5 * SLOW)
        stage.wait_master("p1")
        assert "can hold" in stage["p1"].log()


def test_ipv6_that_is_off_for_a_moment() -> None:
    """A network manager does so where it activates a profile: the master has its
    address again by itself, and no connection is reset for that."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        client = stage.client(4)
        client.settimeout(5)
        key = "net.ipv6.conf.eth0.disable_ipv6"
        stage.lab.run("p1", "sh", "-c", f"sysctl -qw {key}=1; sleep 0.1; sysctl -qw {key}=0")
        wait_for(lambda: stage.lab.holders(VIP[6]) == ["p1"], 2 * SLOW)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")] == [1, 1]
        assert "cannot hold" not in stage["p1"].log()


def test_ipv6_that_is_off_for_a_moment_where_there_is_no_other() -> None:
    """The same of a group that has IPv6 addresses alone; where it stays off the
    peer has them soon."""
    group = {"name": "main", "interface": "eth0", "addresses": [f"{VIP[6]}/64"]}
    with Stage(services=[service([f"[{VIP[6]}]:80"])], pair={"groups": [group]}) as stage:
        stage.serve("echo")
        for host in ("p1", "p2"):
            stage[host].start()
            stage.wait_serving(host)
        wait_for(lambda: states(stage) == ["master", "backup"], 5 * SLOW)
        wait_for(lambda: all(stage[h].status()["healthy"] for h in ("p1", "p2")), 5 * SLOW)
        before = [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")]
        client = stage.client(6)
        key = "net.ipv6.conf.eth0.disable_ipv6"
        blink = f"sysctl -qw {key}=1; sleep 0.05; sysctl -qw {key}=0; ip addr add {{}} dev eth0 nodad"
        stage.lab.run("p1", "sh", "-c", blink.format(f"{address('p1', 6)}/64"))
        wait_for(lambda: stage.lab.holders(VIP[6]) == ["p1"], 2 * SLOW)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert [stage[h].status()["groups"][0]["transitions"] for h in ("p1", "p2")] == before
        ipv6(stage, "p1", False)
        wait_for(lambda: states(stage)[1] == "master", 2 * SLOW)
        wait_for(lambda: stage.lab.holders(VIP[6]) == ["p2"], 2 * SLOW)


def reason(stage: Stage, host: str) -> str:
    return str(stage[host].status()["groups"][0]["reason"])


@limit(60)
def test_f19_the_own_address_is_missing() -> None:
    """A node without the address by which its peer knows it is at fault, and
    well again when it is back: the backup, the master, and one that is started
    without."""
    with Stage() as stage:
        stage.serve("echo")
        stage.start()
        client = stage.client(4)
        client.settimeout(5)
        own(stage, "p2", "del", "10.77.0.2/24")
        wait_for(lambda: states(stage) == ["master", "fault"], 5 * SLOW)
        assert reason(stage, "p2") == "own address 10.77.0.2 is missing"
        time.sleep(0.5)
        assert stage.lab.holders(VIP[4]) == stage.lab.holders(VIP[6]) == ["p1"]
        own(stage, "p2", "add", "10.77.0.2/24")
        stage.wait_master("p1")
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert stage["p1"].status()["groups"][0]["transitions"] == 1
        own(stage, "p1", "del", "10.77.0.1/24")
        wait_for(lambda: states(stage) == ["fault", "master"], 5 * SLOW)
        assert stage.lab.holders(VIP[4]) == stage.lab.holders(VIP[6]) == ["p2"]
        assert reason(stage, "p1") == "own address 10.77.0.1 is missing"
        own(stage, "p1", "add", "10.77.0.1/24")
        stage.wait_master("p2")
        assert stage["p1"].stop() == 0
        own(stage, "p1", "del", "10.77.0.1/24")
        stage["p1"].start("--node", "proxy1")
        wait_for(lambda: states(stage) == ["fault", "master"], 5 * SLOW)
        own(stage, "p1", "add", "10.77.0.1/24")
        stage.wait_master("p2")
