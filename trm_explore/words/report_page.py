"""What the report of a run says (web/report.py)."""

TITLE = "A tiny network learns: {task}"
SETTINGS = (
    "Deep supervision: {supervision}; gradient scope {scope}; {H} H-cycles of {L} L-cycles; width {width}, {mixer} "
    "mixing; seed {seed}."
)
HELD_OUT = "Held-out puzzles ({puzzles}), after update {update}"
HEADS = ("step", "loss", "cells right", "solved")
NO_MODEL = "The network of this run does not answer here: {reason}"
AGAIN = "The same run again"
