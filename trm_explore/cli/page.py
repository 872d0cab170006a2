"""`trm-explore app`: serve the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from trm_explore.config.checks import number, whole
from trm_explore.model.checkpoint import find_checkpoint
from trm_explore.runs.limits import LIMITS


@dataclass(frozen=True)
class App:
    """Serve the page: on this machine, or to a room."""

    host: str | None = None
    """Address to listen on. Left out: this machine only; 0.0.0.0: every network that it is in."""
    port: int = 7860
    """Port to listen on."""
    limits: Literal["none", "classroom", "space"] | None = None
    """How much is done for how many people (docs/classroom.md has the numbers). Left out: none; on a Hugging Face
    Space: space."""
    runs: int = 0
    """Runs that compute at once; others wait in line. 0: one a core."""
    lease: float = 30.0
    """Seconds after which a run that no page watches is stopped."""
    tasks: tuple[str, ...] = ()
    """Folders with tasks of your own (task.json and arrays) that the page offers too."""
    open: str = ""
    """A run (.zip) or a checkpoint (.safetensors, or the name of a shipped one) that the page opens with."""
    password: str = ""
    """Asked of everybody who opens the page; the environment variable TRM_EXPLORE_PASSWORD does the same unseen."""
    owner_key: str = ""
    """Opens /owner, where you see and stop all runs; left out, one is made up and printed."""
    root_path: str = ""
    """Path under which a reverse proxy shows the page, such as /trm."""


def run(args: App) -> int:
    try:
        from trm_explore.app import launch, on_a_space
    except ModuleNotFoundError as error:
        raise ValueError(
            f'the page needs {error.name}, which is not installed; pip install "trm-explore[app]"'
        ) from error
    whole(args, "runs", 0)
    number(args, "lease", least=1)
    limits = LIMITS[args.limits or ("space" if on_a_space() else "none")]
    launch(
        host=args.host,
        port=args.port,
        limits=replace(limits, slots=args.runs or limits.slots, lease=args.lease),
        folders=args.tasks,
        opened=str(find_checkpoint(args.open)) if args.open else "",
        password=args.password or None,
        owner_key=args.owner_key,
        root_path=args.root_path,
    )
    return 0
