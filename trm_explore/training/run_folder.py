"""A run on disk: a folder with config.json, events.jsonl and (written by the training itself) model.safetensors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from trm_explore.config import RunConfig
from trm_explore.config.checks import shown
from trm_explore.model.checkpoint import CHECKPOINT_NAME
from trm_explore.storage.lock import FolderLock
from trm_explore.storage.whole import remove_leftovers, write_whole
from trm_explore.training import events as ev

# Where a run computes and what it keeps: two runs that differ in these only are the same run, begun twice.
MAY_DIFFER = {"out", "device", "threads", "save_every"}


def read_events(name: str | Path) -> list[ev.Event]:
    """The events of a kept run: its folder, or the events.jsonl itself. A last line that was cut off is left out."""
    path = Path(name)
    path = path / "events.jsonl" if os.path.isdir(path) else path
    if not os.path.isfile(path):  # whatever the name: no error
        raise ValueError(f"there is no run {shown(str(name), 300)}; give a folder that trm-explore train --out wrote")
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


class RunFolder:
    """A run's folder while the run lives: locked, so that no other process writes to it, and told what happens.

    with RunFolder(config.out, resume) as folder:    # ValueError where the folder is in use, or holds a run
        training = train(config, resume)
        folder.check(training.config)
        for event in folder.keep(training, training.update):
            ...

    `resume`: the checkpoint that the run goes on from. A folder in which a run of the same settings has ended before
    its first save is begun anew. Without a name (`out` empty) nothing is kept.
    """

    def __init__(self, out: str, resume: Path | None = None):
        self.folder = Path(out) if out else None
        self.notes: list[str] = []  # what one should know, in one sentence each
        self._resume = resume
        self._lock = FolderLock(out) if out else None

    def __enter__(self) -> RunFolder:
        if self._lock is None:
            return self
        try:
            self._lock.__enter__()
        except OSError as error:
            raise self._refused(error) from error
        try:
            if not self._lock.held:
                self.notes.append(f"the file system of out={self.folder} knows no locks; start no second run there")
            self._check_free()
            for name in ("config.json", "events.jsonl", CHECKPOINT_NAME):
                remove_leftovers(self.folder / name, alone=self._lock.held)
            if self._lock.held:
                (self.folder / "events.tmp").unlink(missing_ok=True)  # of the first release
        except BaseException:
            self._lock.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.__exit__()

    def check(self, config: RunConfig) -> None:
        """ValueError where the folder holds the log of a run that never saved, with settings other than `config`, the
        resolved one of the run to be kept: that log may be all that there is of it."""
        began = None if self.folder is None or self._goes_on else _first_event(self.folder / "events.jsonl")
        if began is None:
            return
        then, now = began.config, config.to_flat()
        own = {"updates"} if now["num_epochs"] is not None else set()  # counted when the data are known
        for name in sorted(now.keys() - MAY_DIFFER - own):
            if then.get(name) != now[name]:
                raise ValueError(
                    f"out={self.folder} holds the log of a run with {name}={then.get(name)} that ended before its "
                    "first save; choose another folder, or remove that one"
                )

    def keep(self, events: Iterable[ev.Event], update: int = 0) -> Iterator[ev.Event]:
        """The same events, also written to the folder. `update`: of the checkpoint that they go on from. A run that was
        stopped before its first update leaves nothing behind."""
        if self.folder is None:
            yield from events
            return
        log, config, started = self.folder / "events.jsonl", self.folder / "config.json", False
        for event in events:
            try:
                if isinstance(event, ev.Started):
                    started = True
                    if self._goes_on and log.exists():
                        _cut_back(log, update)
                    else:
                        log.unlink(missing_ok=True)
                    write_whole(config, json.dumps(event.config, indent=2) + "\n")
                if started:
                    with log.open("a", encoding="utf-8") as file:
                        file.write(ev.to_json(event) + "\n")
                    if not self._goes_on and isinstance(event, ev.Finished) and event.update == 0:
                        config.unlink()
                        log.unlink()
            except OSError as error:
                raise self._refused(error) from error
            yield event

    @property
    def _goes_on(self) -> bool:
        return self._resume is not None and self._resume.resolve().parent == self.folder.resolve()

    def _check_free(self) -> None:
        """ValueError where there is a run of which something would be lost."""
        checkpoint = self.folder / CHECKPOINT_NAME
        if self._goes_on or not (checkpoint.exists() or _has_saved(self.folder / "events.jsonl")):
            return
        go_on = f", or go on with --resume {checkpoint}" if checkpoint.is_file() else ""
        raise ValueError(f"out={self.folder} holds a run already; choose another folder{go_on}")

    def _refused(self, error: OSError) -> OSError:
        reason = getattr(error.__cause__, "strerror", None) or error.strerror
        advice = "free some space or choose another out folder"
        return OSError(error.errno, f"could not write to {self.folder}: {reason}; {advice}")


def keep(events: Iterable[ev.Event], out: str, resume: Path | None = None, update: int = 0) -> Iterator[ev.Event]:
    """The same events, also written to the run's folder, which is locked until their end. `resume`: the checkpoint, of
    `update`, they go on from."""
    with RunFolder(out, resume) as folder:
        yield from folder.keep(events, update)


def _first_event(log: Path) -> ev.Started | None:
    """How the run began; None where that was not written to its end. ValueError for a file that no run wrote."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            line = file.readline()
    except FileNotFoundError:
        return None
    try:
        event = ev.from_json(line)
    except ValueError:
        event = None
        if not line.endswith("\n") and (line.startswith('{"event": "Started"') or not line.strip()):
            return None  # cut off when the process was killed
    if not isinstance(event, ev.Started):
        raise ValueError(f"{log} is not the log of a run; choose another out folder")
    return event


def _has_saved(log: Path) -> bool:
    """Whether the run of that log has written a checkpoint, wherever that is now."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return any(line.startswith('{"event": "Saved"') for line in file)
    except FileNotFoundError:
        return False


def _cut_back(log: Path, update: int) -> None:
    """Leaves out what came after the checkpoint: it will come again. The old file stays until the new one is whole."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    write_whole(log, "".join(line + "\n" for line in lines if _belongs(line, update)))


def _belongs(line: str, update: int) -> bool:
    try:
        event = ev.from_json(line)
    except ValueError:  # cut off when the process was killed
        return False
    return not isinstance(event, ev.Finished | ev.Failed) and getattr(event, "update", 0) <= update
