"""The diary: the same for a seed, no line twice, and its next line follows from those before it."""

import pytest

from trm_explore.data.sentences import HOURS, PEOPLE, PLACES, generate


def parts(line):
    """day, hour, person, place, activity of a line, by cutting it; independent of how it was put together."""
    day, rest = line.removesuffix(".").removeprefix("Day ").split(", ", 1)
    hour, rest = rest.split(": ")
    person, rest = rest.split(" is at ")
    place, activity = rest.split(" and ", 1)
    return int(day), hour, person, place, activity


def test_a_seed_gives_the_same_diary_and_another_seed_another():
    assert generate(50, 3) == generate(50, 3) != generate(50, 4)


def test_a_longer_diary_begins_with_the_shorter_one():
    assert generate(200, 1)[:61] == generate(61, 1)


def test_no_line_occurs_twice():
    diary = generate(5000, 0)
    assert len(set(diary)) == len(diary) == 5000


def test_within_a_day_the_next_line_follows_from_the_last_one():
    diary = [parts(line) for line in generate(3000, 2)]
    following = {}  # place -> the one after it: one round trip, whoever goes
    for (day, hour, person, place, _), after in zip(diary, diary[1:], strict=False):
        if after[0] == day:
            assert after[2] == person and HOURS.index(after[1]) == HOURS.index(hour) + 1
            assert following.setdefault(place, after[3]) == after[3]
        else:
            assert after[0] == day + 1 and (hour, after[1]) == (HOURS[-1], HOURS[0])
    assert set(following) == set(PLACES)
    assert len(set(following.values())) == len(PLACES)


def test_repeating_the_last_line_has_hour_place_and_activity_wrong():
    diary = [parts(line) for line in generate(600, 0)]
    for before, after in zip(diary, diary[1:], strict=False):
        if before[0] == after[0]:
            assert before[1] != after[1] and before[3] != after[3] and before[4] != after[4]


def test_everybody_comes_and_nobody_always():
    people = [parts(line)[2] for line in generate(6000, 0)][:: len(HOURS)]
    assert set(people) == set(PEOPLE)
    assert max(people.count(person) for person in PEOPLE) < len(people) / 4


@pytest.mark.parametrize("lines", [0, -1])
def test_no_lines_are_refused(lines):
    with pytest.raises(ValueError, match=f"lines={lines} must be at least 1"):
        generate(lines)
