"""Goal: whatever ails one node or both, for however long and whoever can be asked,
comes out as the facts say: matrix.py has the rules. A sample of all cases, by a seed."""

import os

import matrix
from stage import SLOW, limit

SEED = int(os.environ.get("HAPAIR_SEED", "1"))
COUNT = 2 if SLOW > 1 else 4


def sample(asked: str, family: int) -> None:
    seed = SEED * 10 + matrix.ASKED.index(asked)
    with matrix.stage_for(asked, family) as stage:
        failed = matrix.run_all(stage, matrix.sample(seed, COUNT))
        assert not failed, failed


@limit(120)
def test_servers_can_be_asked() -> None:
    sample("servers", 4)


@limit(120)
def test_a_witness_can_be_asked() -> None:
    sample("witness", 6)


@limit(120)
def test_nobody_can_be_asked() -> None:
    sample("nobody", 4)
