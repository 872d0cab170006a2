"""Runs in the background: start, pause, one update, stop, read events from a cursor, lease, fair line, limits.

A thread pulls a Training and keeps its events; nobody trains inside a web handler. As many compute at once as there
are slots, the others wait in line and know their place. A paused run gives its slot back. A run that nobody reads for
`lease` seconds is ended. One that its viewer did not end (the lease, a limit, the owner) says why and is "interrupted":
`Runs.go_on` lets it go on from its last update. The id is a secret: whoever has it may steer the run.
"""

from trm_explore.runs.limits import LIMITS, Limits
from trm_explore.runs.registry import TOGETHER, Runs, cores
from trm_explore.runs.run import ENDED, INTERRUPTED, PAUSED, PREPARING, QUEUED, RUNNING, STATES, Run

__all__ = [
    "ENDED",
    "INTERRUPTED",
    "LIMITS",
    "PAUSED",
    "PREPARING",
    "QUEUED",
    "RUNNING",
    "STATES",
    "TOGETHER",
    "Limits",
    "Run",
    "Runs",
    "cores",
]
