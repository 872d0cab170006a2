"""Who computes next: a line that is fair to visitors, and how long the wait will be.

A slot that is free goes to the visitor who has the fewest slots now, and among equals to the one who has gone longest
without. Of a visitor's own, the first that came is the first. Who has computed for a slice while others wait goes to
the end. A slice is longer than a typical run, because to take turns more often would let everybody wait longer.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from typing import Protocol

FRESH = 1.0  # seconds for which places and waits are computed once


class Member(Protocol):
    visitor: str

    def left(self) -> float | None:
        """Seconds of computing left, where that is known."""


class Turns:
    """The line and the slots. Every method is called with the registry's lock held."""

    def __init__(self, slots: int, slice: float):
        self.slots, self.slice = slots, slice
        self.computing: dict[Member, float] = {}  # since when
        self.line: list[Member] = []  # as they came
        self.typical: float | None = None  # seconds that a run took lately
        self._turn: dict[str, int] = {}  # visitor -> when it came, or last got or gave back a slot
        self._clock = 0
        self._places: dict[Member, tuple[int, float]] = {}
        self._computed_at = -FRESH

    def take(self, member: Member) -> bool:
        """A slot if there is one and nobody comes before this one; else a place in line."""
        if member in self.computing:
            return True
        if member not in self.line:
            self.line.append(member)
            self._turn.setdefault(member.visitor, self._now())
            self._changed()
        if len(self.computing) < self.slots and self.order()[0] is member:
            self.line.remove(member)
            self.computing[member] = time.monotonic()
            self._turn[member.visitor] = self._now()
            self._changed()
            return True
        return False

    def leave(self, member: Member) -> bool:
        """Gives back the slot or the place in line; whether there was one."""
        had = self.computing.pop(member, None) is not None
        if had:
            self._turn[member.visitor] = self._now()
        elif member in self.line:
            self.line.remove(member)
        else:
            return False
        if all(other.visitor != member.visitor for other in (*self.line, *self.computing)):
            del self._turn[member.visitor]
        self._changed()
        return True

    def is_over(self, member: Member) -> bool:
        """Whether this one has computed for a slice while others wait."""
        since = self.computing.get(member)
        return since is not None and bool(self.line) and time.monotonic() - since > self.slice

    def order(self) -> list[Member]:
        """The line as it will be served."""
        has = Counter(member.visitor for member in self.computing)
        turn, ahead, ordered = dict(self._turn), list(self.line), []
        for clock in range(len(ahead)):
            first = min(ahead, key=lambda member: (has[member.visitor], turn[member.visitor]))
            ahead.remove(first)
            ordered.append(first)
            has[first.visitor] += 1
            turn[first.visitor] = self._clock + 1 + clock
        return ordered

    def place(self, member: Member) -> tuple[int, float]:
        """(place, seconds until its turn): place 1 is the next, 0 stands for who does not wait."""
        if time.monotonic() - self._computed_at > FRESH:
            self._places, self._computed_at = self._all_places(), time.monotonic()
        return self._places.get(member, (0, 0.0))

    def _all_places(self) -> dict[Member, tuple[int, float]]:
        """Each turn lasts for a slice, or what is left of the run, if that is less."""
        now = time.monotonic()
        free = [max(0.0, min(self._left(one), self.slice - (now - since))) for one, since in self.computing.items()]
        free += [0.0] * (self.slots - len(free))
        heapq.heapify(free)
        places = {}
        for place, member in enumerate(self.order(), 1):
            wait = heapq.heappop(free)
            places[member] = place, wait
            heapq.heappush(free, wait + min(self._left(member), self.slice))
        return places

    def _left(self, member: Member) -> float:
        left = member.left()
        return left if left is not None else self.typical if self.typical is not None else self.slice

    def _now(self) -> int:
        self._clock += 1
        return self._clock

    def _changed(self) -> None:
        self._computed_at = -FRESH
