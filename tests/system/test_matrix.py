"""Goal: whatever ails one node or both, for however long, whoever can be asked and
however the nodes are connected, comes out as the facts say: matrix.py has the rules. A
sample of all cases, by a seed."""

import os
import random

import matrix
from matrix import Where
from stage import SLOW, limit

SEED = int(os.environ.get("HAPAIR_SEED", "1"))
COUNT = 2 if SLOW > 1 else 3


def sample(places: list[Where]) -> None:
    where = random.Random(SEED).choice(places)
    cases = matrix.sample(f"{SEED} {places[0]}", COUNT)
    print(where, cases)
    with matrix.stage_for(where) as stage:
        failed = matrix.run_all(stage, cases, where)
        assert not failed, (where, failed)


@limit(120)
def test_nodes_hear_each_other_by_another_way() -> None:
    sample([w for w in matrix.PLACES if w.way])


@limit(120)
def test_somebody_can_be_asked() -> None:
    sample([w for w in matrix.PLACES if not w.way and w.asked != "nobody"])


@limit(120)
def test_nobody_can_be_asked() -> None:
    sample([w for w in matrix.PLACES if w.asked == "nobody"])
