"""`trm-explore train`: the events of one training, printed and kept. Its flags are the fields of the run."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

import tyro
from tqdm import tqdm

from trm_explore.analysis.diagnosis import diagnose
from trm_explore.cli.signals import Signals
from trm_explore.config import ALIASES, FIELDS, SWITCHES, RunConfig, unknown_setting
from trm_explore.model.checkpoint import find_checkpoint, pick_device, read_checkpoint
from trm_explore.tasks import preset
from trm_explore.training import CHECKPOINT_NAME, Training
from trm_explore.training import events as ev
from trm_explore.training.distributed import joined
from trm_explore.training.run_folder import RunFolder
from trm_explore.view.terminal import evaluation_line, gradient_line, log_line, start_line


@dataclass(frozen=True)
class Train:
    """Train, and print what happens. The defaults shown are those of --task and --preset as you give them."""

    run: tyro.conf.OmitArgPrefixes[RunConfig] = field(default_factory=RunConfig)
    resume: str = ""
    """Go on from this checkpoint (or folder with one); other flags then change its settings."""
    json: bool = False
    """One event a line, as JSON, and nothing else."""
    log_every: int = 100
    """Updates between the printed lines of losses."""


def translated(argv: list[str], command: type | None = None) -> list[str]:
    """The flags with other names of settings replaced by ours; `--curriculum_enabled` becomes `--curriculum weight`.
    A flag that the command has itself stays. ValueError where `train` is given one that is no setting."""
    own_flags = {f.name for f in fields(command)} if command is not None and is_dataclass(command) else set()
    words: list[str] = []
    given: dict[str, str] = {}  # our name -> the name that was used
    for word in argv:
        name, equals, value = word.partition("=")
        bare = name[2:].replace("-", "_") if name.startswith("--") else ""
        if bare in own_flags:
            words.append(word)
            continue
        off = bare.removeprefix("no_")
        own = SWITCHES[off][0] if off in SWITCHES else ALIASES.get(off, off)
        if command is Train and off and own not in (*FIELDS, *own_flags, "help") and not off.startswith("tyro"):
            raise ValueError(unknown_setting(off, (*FIELDS, *own_flags)))
        if off and given.setdefault(own, off) != off:
            raise ValueError(f"{own} is given twice, as --{given[own]} and as --{off}; give it once")
        if off in ALIASES:
            words.append(f"--{'no_' if bare != off else ''}{ALIASES[off]}{equals}{value}")
        elif off in SWITCHES and (not equals or value in ("True", "False")):
            own, on, without = SWITCHES[off]
            words += [f"--{own}", str(on if bare == off and value != "False" else without)]
        else:
            words.append(word)
    return words


def defaults(argv: list[str]) -> Train:
    """What the flags change: the task's preset, or the resumed checkpoint's own settings."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--task", "--preset", "--resume", "--updates", "--data"):
        first.add_argument(name, nargs="?")  # a missing value is for tyro to complain of
    known, _ = first.parse_known_args([a for a in argv if a not in ("-h", "--help")])
    if known.resume is not None and not known.resume.strip():
        raise ValueError("resume is empty; give the path of a checkpoint, or leave it out")
    if known.resume:
        run = read_checkpoint(find_checkpoint(known.resume)).config
        if known.updates is not None:  # whoever says updates means them
            run = run.with_flat(num_epochs=None)
        if known.task not in (None, run.task):
            raise ValueError(f"{known.resume} was trained with task={run.task}; it cannot go on with task={known.task}")
        return Train(run=run, resume=known.resume)
    settings = {"num_epochs": None} if known.updates is not None else {}
    if known.data and known.task == "embeddings":  # the network's width follows the data
        settings["data"] = known.data
    return Train(run=preset(known.task or "sudoku4", known.preset or "tiny", **settings))


def run(args: Train) -> int:
    """Trains, under torchrun together with the other processes; the exit status: 0, 2 after a failure, 130, 143 or 129
    when ended by a signal: the update at hand is then finished and saved."""
    with Signals() as signals, joined(args.run.train.device) as processes:
        resume = find_checkpoint(args.resume) if args.resume else None
        folder, training, refused = RunFolder(args.run.out if processes.first else "", resume), None, None
        with ExitStack() as stack:
            try:  # the lock comes first: what is resumed is then nobody else's
                stack.enter_context(folder)
                training = Training(args.run, resume, processes)
                folder.check(training.config)
            except (ValueError, OSError) as error:
                refused = error
            if processes.agree(refused is not None, pick_device(args.run.train.device)):
                if refused is None:  # who refused says why
                    return 2
                raise refused
            signals.gently = training.finish
            if processes.first:
                return _run(args, training, folder, signals)
            return _along(training, signals)


def _along(training: Training, signals: Signals) -> int:
    """One of several processes that is not the first: it computes, and the first one says and keeps everything."""
    status = signals.status
    try:
        for event in training:
            if isinstance(event, ev.Failed):
                status = 2
            elif isinstance(event, ev.Finished):
                status = 0 if event.reason == "done" else signals.status
    except RuntimeError:
        if not signals.came:
            raise
        status = signals.status  # the first process has gone, and this one was told to go
    except KeyboardInterrupt:
        status = signals.status
    return status


def _run(args: Train, training: Training, folder: RunFolder, signals: Signals) -> int:
    status, screen, saved = 0, Screen(args.run, args.log_every), training.update
    seen: list[ev.Event] = []
    for note in folder.notes:
        print(f"trm-explore: {note}", file=sys.stderr)
    began = training.update
    try:
        for event in folder.keep(_to_the_end(training), began):
            if args.json:
                print(ev.to_json(event), flush=True)
            else:
                screen.show(event)
            if not isinstance(event, ev.Frame | ev.Preparing):
                seen.append(event)
            if isinstance(event, ev.Failed):
                status = 2
                if args.json:
                    print(f"trm-explore: {event.reason}; {event.advice}", file=sys.stderr)
            elif isinstance(event, ev.Saved):
                saved = event.update
            elif isinstance(event, ev.Finished) and event.reason == "stopped":
                status = signals.status
    except KeyboardInterrupt:  # the second one
        status = signals.status
    finally:
        screen.close()
    if status != 2 and not args.json:
        for finding in diagnose(seen):
            print(f"Note: {finding.text}")
    if status > 2:
        print(f"trm-explore: {_stopped(args, training.update, saved)}", file=sys.stderr)
    return status


def _to_the_end(training: Training) -> Iterator[ev.Event]:
    """The training's events; Finished also where it was ended before it began."""
    event = None
    for event in training:
        yield event
    if not isinstance(event, ev.Finished | ev.Failed):
        yield ev.Finished("stopped", training.update, training.seconds)


def _stopped(args: Train, update: int, saved: int) -> str:
    """What was kept of a run that was ended, and the command that goes on."""
    sentence = f"stopped after update {update}" if update else "stopped before the first update"
    if not args.run.out:
        return f"{sentence}; nothing was kept, because there is no --out folder"
    if not (Path(args.run.out) / CHECKPOINT_NAME).is_file():
        return f"{sentence}; nothing was saved yet, the same command begins anew"
    return f"{sentence}; go on from update {saved} with {again(args)}"


def again(args: Train) -> str:
    """The command that goes on with this run, as a shell takes it."""
    count, here = (os.environ.get(name, "1") for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if "RANK" in os.environ and count == here != "1":  # any number goes on, but this one as fast as before
        words = ["torchrun", f"--nproc_per_node={here}", "-m", "trm_explore"]
    elif shutil.which("trm-explore"):
        words = ["trm-explore"]
    else:
        words = [sys.executable, "-m", "trm_explore"]
    out = args.run.out
    words += ["train", *(["--resume", out] if not out.startswith("-") else [f"--resume={out}"])]
    words += ["--json"] if args.json else []
    words += ["--log_every", str(args.log_every)] if args.log_every != Train.log_every else []
    return shlex.join(words)


class Screen:
    """What a person sees while training: one progress bar, the guide's log line, evaluations."""

    def __init__(self, config: RunConfig, log_every: int):
        self.config, self.log_every, self.updates = config, max(1, log_every), config.train.updates
        self.bar: tqdm | None = None

    def show(self, event: ev.Event) -> None:
        updates = self.updates
        if isinstance(event, ev.Preparing):
            self._move("preparing " + event.what, event.done, event.total)
        elif isinstance(event, ev.Started):
            self.close()
            self.updates = event.config["updates"]
            tqdm.write(start_line(event, self.config))
        elif isinstance(event, ev.UpdateDone):
            self._move("training", event.update, updates)
            if event.update % self.log_every == 0 or event.update == updates:
                tqdm.write(log_line(event, updates))
        elif isinstance(event, ev.Evaluated):
            tqdm.write(evaluation_line(event))
        elif isinstance(event, ev.GradientsMeasured):
            tqdm.write(gradient_line(event))
        elif isinstance(event, ev.Saved):
            tqdm.write(f"Saved {event.path}")
        elif isinstance(event, ev.Finished) and event.reason == "done":
            tqdm.write(f"Done: {event.update} updates in {event.seconds:.1f} s of training")
        elif isinstance(event, ev.Failed):
            tqdm.write(f"trm-explore: {event.reason}; {event.advice}", file=sys.stderr)

    def _move(self, what: str, done: int, total: int) -> None:
        if self.bar is None:
            self.bar = tqdm(
                total=total, initial=max(0, done - 1), desc=what, unit="", leave=False, dynamic_ncols=True, disable=None
            )
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
