"""A run on disk: a folder with config.json, events.jsonl and (written by the training itself) model.safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trm_explore import events as ev
from trm_explore.resources import asset
from trm_explore.training import CHECKPOINT_NAME


def find_checkpoint(name: str) -> Path:
    """The checkpoint that somebody named: a file, a run's folder, or one that ships with the project."""
    path = Path(name)
    if path.is_dir():
        path = path / CHECKPOINT_NAME
    if not path.exists():
        with suppress(FileNotFoundError):
            return asset(name)
    return path


def keep(events: Iterator[ev.Event], out: str, resume: Path | None = None, update: int = 0) -> Iterator[ev.Event]:
    """The same events, also written to the run's folder. `resume`: the checkpoint, of `update`, they go on from."""
    if not out:
        yield from events
        return
    folder = Path(out)
    log, checkpoint = folder / "events.jsonl", folder / CHECKPOINT_NAME
    goes_on = resume is not None and resume.resolve().parent == folder.resolve()
    if not goes_on and (log.exists() or checkpoint.exists()):
        raise ValueError(f"out={out} holds a run already; choose another folder, or go on with --resume {checkpoint}")
    folder.mkdir(parents=True, exist_ok=True)
    if goes_on and log.exists():  # what came after the checkpoint will come again
        past = [line for line in log.read_text().splitlines() if _belongs(line, update)]
        log.write_text("".join(line + "\n" for line in past))
    for event in events:
        try:
            if isinstance(event, ev.Started):
                (folder / "config.json").write_text(json.dumps(event.config, indent=2) + "\n")
            with log.open("a") as file:
                file.write(ev.to_json(event) + "\n")
        except OSError as error:
            advice = "free some space or choose another out folder"
            raise OSError(error.errno, f"could not write to {folder}: {error.strerror}; {advice}") from error
        yield event


def _belongs(line: str, update: int) -> bool:
    try:
        event = ev.from_json(line)
    except ValueError:  # cut off when the process was killed
        return False
    return not isinstance(event, ev.Finished | ev.Failed) and getattr(event, "update", 0) <= update
