"""The checks of lessons 4 to 6, a plain function an exercise; each raises NotYet with a hint, or returns."""

from __future__ import annotations

from trm_explore.teach.cases import Check

CHECKS: dict[str, Check] = {}
