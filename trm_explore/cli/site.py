"""`trm-explore site`: the stage, the recorded runs and the documents as a folder of static files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from trm_explore.web.site import START, write_site
from trm_explore.words import site_page


@dataclass(frozen=True)
class Site:
    """Write a site that opens from a disk and from any static host: all trained models answer in the browser."""

    out: str
    """The folder; new, empty, or one that this command has made."""


def run(args: Site) -> int:
    try:
        from trm_explore.app.comparing import recorded_group
    except ModuleNotFoundError as error:
        raise ValueError(
            f'the site needs {error.name}, which is not installed; pip install "trm-explore[app]"'
        ) from error
    if not args.out.strip():
        raise ValueError("out is empty; give a folder")
    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"out={out} is a file; give a folder")
    made_here = (out / "data" / f"model-{'-'.join(START)}.js").is_file()
    if out.is_dir() and any(out.iterdir()) and not made_here:
        raise ValueError(f"out={out} has other files in it; give a new folder, so that none of them is published")
    without = _no_documents()
    files = list(write_site(out, recorded_group, documents=not without))
    if without:
        print(site_page.NO_DOCUMENTS.format(reason=without))
    else:
        _documents(out / "documents")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(site_page.DONE.format(out=out, files=len(files), size=size))
    return 0


def _project() -> Path:
    return Path(__file__).resolve().parents[2]


def _no_documents() -> str:
    """Why the documents cannot be built; empty where they can."""
    if not (_project() / "mkdocs.yml").is_file():
        return site_page.NO_SOURCES
    return "" if find_spec("mkdocs") and find_spec("mkdocstrings") else site_page.NO_MKDOCS


def _documents(out: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(out.resolve())]
    done = subprocess.run(command, cwd=_project(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"mkdocs could not build the documents: {(done.stderr or done.stdout).strip()[-300:]}")
