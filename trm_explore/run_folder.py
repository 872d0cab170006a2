"""A run on disk: a folder with config.json, events.jsonl and (written by the training itself) model.safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trm_explore import events as ev
from trm_explore.config import RunConfig
from trm_explore.resources import asset
from trm_explore.training import CHECKPOINT_NAME


def find_checkpoint(name: str) -> Path:
    """The checkpoint that somebody named: a file, a run's folder, or one that ships with the project."""
    if not name.strip():
        raise ValueError("the checkpoint's name is empty; give a file, a run's folder, or the name of a shipped one")
    path = Path(name)
    if path.is_dir():
        path = path / CHECKPOINT_NAME
    if not path.exists():
        with suppress(FileNotFoundError):
            return asset(name)
    return path


def read_events(name: str) -> list[ev.Event]:
    """The events of a kept run: its folder, or the events.jsonl itself. A last line that was cut off is left out."""
    path = Path(name)
    path = path / "events.jsonl" if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"there is no run {name!r}; give a folder that trm-explore train --out wrote")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    events = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(ev.from_json(line))
        except ValueError as error:
            if number < len(lines):
                raise ValueError(f"{path}, line {number}: {error}") from None
    if not events:
        raise ValueError(f"{path} holds no event; give a folder that trm-explore train --out wrote")
    return events


def config_of(events: list[ev.Event]) -> RunConfig:
    """The config of the run whose events these are; ValueError where it never started."""
    started = next((event for event in events if isinstance(event, ev.Started)), None)
    if started is None:
        raise ValueError("the run never started, so its settings are not known; give one that has trained")
    return RunConfig.from_flat(started.config)


def keep(events: Iterator[ev.Event], out: str, resume: Path | None = None, update: int = 0) -> Iterator[ev.Event]:
    """The same events, also written to the run's folder. `resume`: the checkpoint, of `update`, they go on from."""
    if not out:
        yield from events
        return
    folder = Path(out)
    log, checkpoint = folder / "events.jsonl", folder / CHECKPOINT_NAME
    goes_on = resume is not None and resume.resolve().parent == folder.resolve()
    if not goes_on and (log.exists() or checkpoint.exists()):
        go_on = f", or go on with --resume {checkpoint}" if checkpoint.is_file() else ""
        raise ValueError(f"out={out} holds a run already; choose another folder{go_on}")
    started = False
    for event in events:
        try:
            if isinstance(event, ev.Started):  # a run that never started leaves nothing behind
                started = True
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "config.json").write_text(json.dumps(event.config, indent=2) + "\n", encoding="utf-8")
                if goes_on and log.exists():
                    _cut_back(log, update)
            if started:
                with log.open("a", encoding="utf-8") as file:
                    file.write(ev.to_json(event) + "\n")
        except OSError as error:
            advice = "free some space or choose another out folder"
            raise OSError(error.errno, f"could not write to {folder}: {error.strerror}; {advice}") from error
        yield event


def _cut_back(log: Path, update: int) -> None:
    """Leaves out what came after the checkpoint: it will come again. The old file stays until the new one is whole."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    shorter = log.with_suffix(".tmp")
    try:
        shorter.write_text("".join(line + "\n" for line in lines if _belongs(line, update)), encoding="utf-8")
        shorter.replace(log)
    finally:
        shorter.unlink(missing_ok=True)


def _belongs(line: str, update: int) -> bool:
    try:
        event = ev.from_json(line)
    except ValueError:  # cut off when the process was killed
        return False
    return not isinstance(event, ev.Finished | ev.Failed) and getattr(event, "update", 0) <= update
