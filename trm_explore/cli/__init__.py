"""The command line, `trm-explore COMMAND`: one sentence for every error, status 2.

COMMANDS lists them, each a dataclass of flags and a function in a file of this folder; train.py takes its flags from
RunConfig. Touch: the command's file, and its line in COMMANDS.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import traceback
import unicodedata
from typing import Any

import tyro

from trm_explore.cli import data, embed, look, page, published, report, site, tasks
from trm_explore.cli import train as training
from trm_explore.cli.signals import Signals, status_of
from trm_explore.cli.train import translated
from trm_explore.config.checks import shown
from trm_explore.training.memory import out_of_memory
from trm_explore.view.terminal import USAGE

__all__ = ["main"]

COMMANDS = {
    "train": (training.Train, training.run),
    "evaluate": (look.Evaluate, look.run_evaluate),
    "show": (look.Show, look.run_show),
    "diagnose": (look.Diagnose, look.run_diagnose),
    "report": (report.Report, report.run),
    "site": (site.Site, site.run),
    "tasks": (tasks.Tasks, tasks.run_tasks),
    "make-assets": (tasks.MakeAssets, tasks.run_make_assets),
    "embed": (embed.Embed, embed.run),
    "data": (data.Data, data.run),
    "import": (published.Import, published.run_import),
    "export": (published.Export, published.run_export),
    "app": (page.App, page.run),
}

SIGNS = {  # -> the nearest of ASCII
    "\u00d7": "x",
    "\u2212": "-",
    "\u2013": "-",
    "\u2192": "->",
    "\u2190": "<-",
    "\u00b7": ".",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u26a0": "!",
}


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """What a terminal or file whose code page has no such sign gets in its place: the nearest of ASCII, else ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = unicodedata.normalize("NFKC", error.object[error.start : error.end].translate(str.maketrans(SIGNS)))
    return "".join(sign if sign.isascii() else "?" for sign in plain), error.end


codecs.register_error("trm-explore", _nearest)


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the exit status: 0, 2 for an error said in one sentence, 130, 143 or 129 when ended
    by Ctrl-C, SIGTERM or SIGHUP."""
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="trm-explore")
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    try:
        if argv[0] not in COMMANDS:
            raise ValueError(f"there is no command {shown(argv[0])}; allowed are {', '.join(COMMANDS)}")
        kind, run = COMMANDS[argv[0]]
        argv, default = [argv[0], *translated(argv[1:], kind)], None
        if kind is training.Train:
            default = training.defaults(argv[1:])
        with Signals():
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
        print("trm-explore: the device's memory is full; give fewer --puzzles or --H_cycles", file=sys.stderr)
        return 2
    except KeyboardInterrupt as end:
        return status_of(end)


def _parse(kind: type, argv: list[str], default: Any) -> Any:
    """The command's flags. A ValueError of our own dataclasses comes through as it is, without tyro's box around it."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output):
            return tyro.cli(kind, args=argv[1:], prog=f"trm-explore {argv[0]}", use_underscores=True, default=default)
    except SystemExit as end:
        cause: BaseException | None = end
        while cause is not None:
            if type(cause) is ValueError and _raised_in_checks(cause):
                raise ValueError(str(cause)) from None
            cause = cause.__context__
        sys.stderr.write(output.getvalue())
        raise


def _raised_in_checks(error: BaseException) -> bool:
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    return last.f_globals.get("__name__", "").startswith("trm_explore.")
