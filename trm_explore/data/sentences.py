"""Sentences with structure, made from a seed: a diary whose next line follows from those before it.

Every day belongs to one person, who goes from place to place along a fixed round trip and does at each place what is
done there; the hours pass in a fixed order and the days are counted. So the next line can mostly be told: the hour
after this hour, the place after this place, what is done there, the same person. What cannot be told is who comes, and
where they start, in the morning. Repeating the last line has hour, place and activity wrong. As the days are counted,
no line occurs twice.

    >>> generate(3, seed=0)  # doctest: +SKIP
    ['Day 1, at dawn: Nora is at the mill and grinds the corn.', ...]
"""

from __future__ import annotations

import numpy as np

HOURS = ("at dawn", "in the morning", "at noon", "in the afternoon", "at dusk", "late at night")
PEOPLE = ("Nora", "Emil", "Yusuf", "Clara", "Tomas", "Ines", "Wanda", "Pavel")
PLACES = {
    "the mill": "grinds the corn",
    "the harbour": "mends a fishing net",
    "the library": "reads an old map",
    "the orchard": "picks sour cherries",
    "the workshop": "sharpens three knives",
    "the station": "waits for the slow train",
    "the market": "sells bread and honey",
    "the lighthouse": "cleans the great lamp",
    "the garden": "waters the beans",
    "the school": "teaches long division",
}


def generate(lines: int, seed: int = 0) -> list[str]:
    """The first `lines` lines of the diary that belongs to the seed."""
    if lines < 1:
        raise ValueError(f"lines={lines} must be at least 1")
    rng = np.random.default_rng(seed)
    round_trip = rng.permutation(list(PLACES)).tolist()
    days = -(-lines // len(HOURS))
    who, start = rng.integers([len(PEOPLE), len(round_trip)], size=(days, 2)).T  # day by day: longer goes on shorter
    diary = []
    for n in range(lines):
        day, hour = divmod(n, len(HOURS))
        place = round_trip[(start[day] + hour) % len(round_trip)]
        diary.append(f"Day {day + 1}, {HOURS[hour]}: {PEOPLE[who[day]]} is at {place} and {PLACES[place]}.")
    return diary
