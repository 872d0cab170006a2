"""`trm-explore report`: a kept run as one file to hand in, to print, to put into a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from trm_explore.config import RunConfig
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import CHECKPOINT_NAME, load_checkpoint
from trm_explore.storage.whole import write_whole
from trm_explore.training import events as ev
from trm_explore.training.run_folder import config_of, read_events
from trm_explore.web.report import csv_of, report_html
from trm_explore.words import report_page


@dataclass(frozen=True)
class Report:
    """Make a page (.html) that plays without a server, or a table (.csv), of a run."""

    run: tyro.conf.Positional[str]
    """The run's folder (what train --out wrote)."""
    out: str = "report.html"
    """The file to write; its ending decides: .html or .csv."""
    note: str = ""
    """A sentence of your own on top of the page."""


def run(args: Report) -> int:
    path = Path(args.out)
    writers: dict[str, Callable[[RunConfig, Sequence[ev.Event]], str]] = {
        ".html": lambda config, events: report_html(config, events, note=args.note, model=_model_of(args.run)),
        ".csv": lambda config, events: csv_of(events),
    }
    if path.suffix not in writers:
        raise ValueError(f"out={args.out} ends in {path.suffix or 'nothing'}; give a file that ends in .html or .csv")
    events = read_events(args.run)
    text = writers[path.suffix](config_of(events), events)
    write_whole(path, text)
    print(f"{path}: {len(text):,} characters")
    return 0


def _model_of(run: str) -> RecursiveModel | None:
    """The run's network, where one was saved and can be read; the rest of the report does not need it."""
    if not (Path(run) / CHECKPOINT_NAME).is_file():  # a run that was killed before
        return None
    try:
        return load_checkpoint(run)[0]
    except ValueError as error:
        print(report_page.NO_MODEL.format(reason=error))
        return None
