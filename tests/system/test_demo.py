"""Goal: `make demo` judges what a client saw as it says, and names the machine's part.

Values in, words out (scripts/demo_acts.py); no lab is needed.
"""

from demo_acts import (
    ACTS, UNKNOWN_MS, Act, Seen, cause, compared, is_machines, late, row, wrong,
)

FINE = Seen(
    still_ms=0,
    busy_ms=0,
    address_ms=0,
    gaps={4: 60, 6: 61},
    failed={"refused": 0, "reset": 0, "timeout": 0, "other": 0},
    was="p1",
    masters=["p2"],
    holders=["p2"],
)
MOVES = Act("moves", "well", "cut", 150, "other")
STAYS = Act("stays", "well", "kill_relay", 150, "same", True)


def test_what_did_not_hold_is_named():
    there = FINE._replace(masters=["p1"], holders=["p1"])
    rows = [
        (MOVES, FINE, ""),
        (STAYS, there, ""),
        (MOVES, FINE._replace(gaps={4: 150, 6: 150}), ""),
        (MOVES, FINE._replace(gaps={4: 60, 6: 151}), "a gap of 151 ms with IPv6"),
        (MOVES, there, "master is proxy1, and was proxy1 before"),
        (STAYS, FINE, "master is proxy2, and was proxy1 before"),
        (MOVES._replace(after=""), there, ""),
        (MOVES, FINE._replace(masters=["p1"]), "but proxy2 has the addresses"),
        (MOVES, FINE._replace(holders=["p2", "torn"]), "but proxy2,torn has the addresses"),
        (MOVES, FINE._replace(masters=[], holders=[]), "master is nobody"),
        (MOVES, FINE._replace(masters=["p1", "p2"], holders=["p1", "p2"]),
         "master is proxy1,proxy2"),
        (MOVES, FINE._replace(failed={**FINE.failed, "timeout": 9}), ""),
        (STAYS, there._replace(failed={**FINE.failed, "reset": 6}), ""),
        (STAYS, there._replace(failed={**FINE.failed, "reset": 7}), "(7 reset)"),
        (STAYS, there._replace(failed={**FINE.failed, "timeout": 1}), "(1 timeout)"),
        (STAYS, there._replace(failed={**FINE.failed, "refused": 1}), "(1 refused)"),
    ]
    for act, seen, told in rows:
        found = wrong(act, seen)
        assert len(found) == (told != ""), (seen, found)
        assert told in "".join(found), (told, found)
        assert bool(late(act, seen)) == ("gap" in told), (seen, found)


def test_the_machine_s_part_is_named():
    rows = [
        (FINE, False, "neither stood still nor was busy"),
        (FINE._replace(still_ms=8), True, "stood still for 8 ms"),
        (FINE._replace(still_ms=7.9), False, "neither"),
        (FINE._replace(busy_ms=31), True, "from all else for 31 ms"),
        (FINE._replace(still_ms=20, busy_ms=31), True, "stood still for 20 ms, other programs"),
        (FINE._replace(address_ms=9), True, "took 9 ms to make"),
        (FINE._replace(still_ms=UNKNOWN_MS), False, "is not known"),
    ]
    for seen, machines, told in rows:
        assert is_machines(seen) == machines, seen
        assert told in cause(seen), (seen, cause(seen))


def test_rows_and_the_last_table_fit_their_heads():
    assert "    60 ms    61 ms   150 ms         none   proxy2" in row(MOVES, FINE)
    lost = FINE._replace(failed={**FINE.failed, "refused": 2, "timeout": 40})
    assert "   42 timeout   " in row(MOVES, lost)
    lines = compared([FINE] * len(ACTS), [lost] * len(ACTS))
    assert len(lines) == 2 + len(ACTS)
    assert len({len(line) for line in lines[1:]}) == 1, lines
