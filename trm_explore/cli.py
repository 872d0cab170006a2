"""`trm-explore train | evaluate | show | app`; the flags are the fields of the run's dataclasses. Errors: one
sentence, status 2."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from tqdm import tqdm

from trm_explore import events as ev
from trm_explore.checkpoint import load_checkpoint, pick_device, read_checkpoint
from trm_explore.checks import number, whole
from trm_explore.config import RunConfig
from trm_explore.evaluation import evaluate
from trm_explore.run_folder import find_checkpoint, keep
from trm_explore.tasks import preset, resolve
from trm_explore.terminal import USAGE, board_text, evaluation_line, log_line, score_table, start_line, step_caption
from trm_explore.training import CHECKPOINT_NAME, MEMORY_FULL, Training, out_of_memory, train
from trm_explore.trajectory import frame_of, record


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


@dataclass(frozen=True)
class Evaluate:
    """Cell and exact accuracy of a checkpoint at every step."""

    checkpoint: tyro.conf.Positional[str]
    """A file, or the name of a shipped one."""
    data: str = ""
    """Puzzles to evaluate, all of them. Empty: the task's held-out ones."""
    H_cycles: int | None = None
    """Steps to run, also more than in training. None: as in training."""
    puzzles: int = 1000
    """How many held-out puzzles, where there is no data."""
    device: str = "auto"
    """cpu, cuda, mps or auto."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Show:
    """Print the board at every step of one inference."""

    checkpoint: tyro.conf.Positional[str]
    """A file, or the name of a shipped one."""
    puzzle: str = ""
    """The puzzle, row by row; . or 0 is a blank, spaces do not count. Empty: a held-out one."""
    H_cycles: int | None = None
    """Steps to run, also more than in training. None: as in training."""


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


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the exit status: 0, 2 for an error said in one sentence, 130 when interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    commands = {
        "train": (Train, _train),
        "evaluate": (Evaluate, _evaluate),
        "show": (Show, _show),
        "app": (App, _app),
    }
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    try:
        if argv[0] not in commands:
            raise ValueError(f"there is no command {argv[0]!r}; allowed are {', '.join(commands)}")
        kind, run = commands[argv[0]]
        default = _defaults(argv[1:]) if kind is Train else None
        return run(_parse(kind, argv, default))
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        where = f"{error.filename}: " if getattr(error, "filename", None) else ""
        print(f"trm-explore: {where}{reason}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        print(f"trm-explore: {MEMORY_FULL}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parse(kind: type, argv: list[str], default: Train | None) -> Train | Evaluate | Show | App:
    """The command's flags. A ValueError of our own dataclasses comes through as it is, without tyro's box around it."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, args=argv[1:], prog=f"trm-explore {argv[0]}", use_underscores=True, default=default)
    except SystemExit as end:
        cause: BaseException | None = end
        while cause is not None:
            if type(cause) is ValueError and _raised_in_checks(cause):
                raise ValueError(str(cause)) from None
            cause = cause.__context__
        sys.stderr.write(said.getvalue())
        raise


def _raised_in_checks(error: BaseException) -> bool:
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    return last.f_globals.get("__name__", "").startswith("trm_explore.")


def _defaults(argv: list[str]) -> Train:
    """What the flags change: the task's preset, or the resumed checkpoint's own settings."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--task", "--preset", "--resume"):
        first.add_argument(name, nargs="?")  # a missing value is for tyro to complain of
    known, _ = first.parse_known_args([a for a in argv if a not in ("-h", "--help")])
    if known.resume is not None and not known.resume.strip():
        raise ValueError("resume is empty; give the path of a checkpoint, or leave it out")
    if known.resume:
        run = read_checkpoint(find_checkpoint(known.resume)).config
        if known.task not in (None, run.task):
            raise ValueError(f"{known.resume} was trained with task={run.task}; it cannot go on with task={known.task}")
        return Train(run=run, resume=known.resume)
    return Train(run=preset(known.task or "sudoku4", known.preset or "tiny"))


def _train(args: Train) -> int:
    resume = find_checkpoint(args.resume) if args.resume else None
    training = train(args.run, resume=resume)
    status, screen, saved = 0, Screen(args.run, args.log_every), training.update
    try:
        for event in keep(_until_interrupted(training), args.run.out, resume, training.update):
            if args.json:
                print(ev.to_json(event), flush=True)
            else:
                screen.show(event)
            if isinstance(event, ev.Failed):
                status = 2
                if args.json:
                    print(f"trm-explore: {event.reason}; {event.advice}", file=sys.stderr)
            elif isinstance(event, ev.Saved):
                saved = event.update
            elif isinstance(event, ev.Finished) and event.reason == "stopped":
                status = 130
    except KeyboardInterrupt:  # the second one
        status = 130
    finally:
        screen.close()
    if status == 130:
        file = Path(args.run.out) / CHECKPOINT_NAME
        there = args.run.out and file.exists()
        kept = f"go on from update {saved} with --resume {file}" if there else "no checkpoint was written yet"
        print(f"trm-explore: stopped after update {training.update}; {kept}", file=sys.stderr)
    return status


def _until_interrupted(training: Training) -> Iterator[ev.Event]:
    """The training's events; Ctrl-C stops it between two calls of the network, so that nothing is left half written.
    A second one ends it at once."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        training.stop()

    before, event = signal.signal(signal.SIGINT, stop), None
    try:
        for event in training:
            yield event
    finally:
        signal.signal(signal.SIGINT, before)
    if not isinstance(event, ev.Finished | ev.Failed):
        yield ev.Finished("stopped", training.update, training.seconds)


class Screen:
    """What a person sees while training: one progress bar, the guide's log line, evaluations."""

    def __init__(self, config: RunConfig, log_every: int):
        self.config, self.log_every = config, max(1, log_every)
        self.bar: tqdm | None = None

    def show(self, event: ev.Event) -> None:
        updates = self.config.train.updates
        if isinstance(event, ev.Preparing):
            self._move("generating " + event.what, event.done, event.total)
        elif isinstance(event, ev.Started):
            self.close()
            tqdm.write(start_line(event, self.config))
        elif isinstance(event, ev.UpdateDone):
            self._move("training", event.update, updates)
            if event.update % self.log_every == 0 or event.update == updates:
                tqdm.write(log_line(event, updates))
        elif isinstance(event, ev.Evaluated):
            tqdm.write(evaluation_line(event))
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


def _evaluate(args: Evaluate) -> int:
    whole(args, "puzzles", 1)
    if args.H_cycles is not None:
        whole(args, "H_cycles", 1)
    model, config = load_checkpoint(find_checkpoint(args.checkpoint), device=str(pick_device(args.device)))
    task, _ = resolve(config.with_flat(data="", eval_data=""))  # its own files may be elsewhere by now
    puzzles = task.load(args.data) if args.data else task.held_out(args.puzzles)
    cycles = args.H_cycles or config.model.H_cycles * config.train.steps_limit
    scores = evaluate(model, task, puzzles, H_cycles=cycles)
    if args.json:
        print(json.dumps(ev.finite({"puzzles": len(puzzles["inputs"]), **scores._asdict()})))
    else:
        print(f"{len(puzzles['inputs'])} puzzles of {args.data or 'the held-out part of ' + task.name}")
        print(score_table(*scores))
    return 0


def _show(args: Show) -> int:
    if args.H_cycles is not None:
        whole(args, "H_cycles", 1)
    model, config = load_checkpoint(find_checkpoint(args.checkpoint))
    task, _ = resolve(config.with_flat(data="", eval_data=""))
    if args.puzzle:
        puzzle, note = task.read(args.puzzle)
    else:
        puzzle, note = task.held_out(1), ""
    batch = {**puzzle, "board": (task.rows, task.cols)}
    trajectory = record(model, batch, H_cycles=args.H_cycles or config.model.H_cycles * config.train.steps_limit)
    frame = frame_of(trajectory, task)
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(f"puzzle\n{board_text(frame, None, color)}\n")
    if note:
        print(note + "\n")
    for k in range(trajectory.n_steps):
        print(f"{step_caption(frame, k)}\n{board_text(frame, k, color)}\n")
    right = task.check(trajectory.inputs, trajectory.answers[-1], trajectory.labels)[0]
    print("The final answer is right." if right else "The final answer is wrong.")
    return 0


def _app(args: App) -> int:
    try:
        from trm_explore.app import launch
    except ModuleNotFoundError as error:
        raise ValueError(
            f'the page needs {error.name}, which is not installed; pip install "trm-explore[app]"'
        ) from error
    whole(args, "runs", 0)
    number(args, "lease", least=1)
    launch(host=args.host, port=args.port, slots=args.runs or None, lease=args.lease)
    return 0
