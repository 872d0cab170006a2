"""What the report of a run says (web/report.py)."""

TITLE = "A tiny network learns: {task}"
SETTINGS = (
    "Deep supervision: {supervision}; gradient scope {scope}; {H} H-cycles of {L} L-cycles; width {width}, {mixer} "
    "mixing; seed {seed}."
)
HELD_OUT = "Held-out puzzles ({puzzles}), after update {update}"
HEADS = ("step", "loss", "cells right", "solved")
AGAIN = "The same run again"
