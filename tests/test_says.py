"""What a task says of its answers fits the board that is shown beside it, and what was measured."""

from __future__ import annotations

from itertools import pairwise

import pytest

from trm_explore.shipped.pairs import load_pair, pair_names
from trm_explore.tasks import preset, resolve
from trm_explore.view.recorded import recorded_message

# Words that claim that every step gets nearer to the solution.
STEADY = ("step after step", "step by step", "a few cells a step", "each step carries", "with every step")


@pytest.mark.parametrize("name", pair_names())
def test_a_steady_advance_is_claimed_only_where_the_shown_board_has_it(name):
    words = resolve(preset(name))[0].help
    wrong = [len(step["wrong"]) for step in recorded_message(name)["frames"][0]["steps"]]
    steady = all(now <= before for before, now in pairwise(wrong))
    assert steady or not any(claim in words for claim in STEADY), (words, wrong)


@pytest.mark.parametrize("name", pair_names())
def test_over_many_puzzles_later_answers_are_no_worse(name):
    shares = load_pair(name)["runs"]["on"]["scores"]["cell_accuracy"]
    assert all(now >= before - 0.001 for before, now in pairwise(shares))
