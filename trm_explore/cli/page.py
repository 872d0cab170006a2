"""`trm-explore app`: serve the page."""

from __future__ import annotations

from dataclasses import dataclass

from trm_explore.checks import number, whole


@dataclass(frozen=True)
class App:
    """Serve the page on this machine."""

    host: str = "127.0.0.1"
    """Address to listen on; only this machine by default."""
    port: int = 7860
    """Port to listen on."""
    runs: int = 0
    """Runs that compute at once; others wait in line. 0: one a core."""
    lease: float = 30.0
    """Seconds after which a run that no page watches is stopped."""
    tasks: tuple[str, ...] = ()
    """Folders with tasks of your own (task.json and arrays) that the page offers too."""


def run(args: App) -> int:
    try:
        from trm_explore.app import launch
    except ModuleNotFoundError as error:
        raise ValueError(
            f'the page needs {error.name}, which is not installed; pip install "trm-explore[app]"'
        ) from error
    whole(args, "runs", 0)
    number(args, "lease", least=1)
    launch(host=args.host, port=args.port, slots=args.runs or None, lease=args.lease, folders=args.tasks)
    return 0
