"""Fetches files from huggingface.co, through huggingface_hub (the extra `hub`); nothing else here uses the network.
Only when asked for by name, and what was fetched once is found again offline (huggingface_hub's cache).

>>> fetch("sudoku-extreme")                          # the folder with train.csv and test.csv
>>> fetch_checkpoint("hf://user/name")               # the path of the repository's model.safetensors
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from trm_explore.config.checks import nearest, shown

REPOSITORIES = {  # name -> data set on huggingface.co
    "sudoku-extreme": "sapientinc/sudoku-extreme",
    "maze-hard": "sapientinc/maze-30x30-hard-1k",
}
FILES = ("train.csv", "test.csv")
HUB = "hf://"  # begins the name of a checkpoint on huggingface.co
MODEL = "model.safetensors"  # the file of a repository that names none


def fetch(name: str) -> Path:
    """The folder that holds train.csv and test.csv; ValueError that says what to fetch by hand, where that fails."""
    if name not in REPOSITORIES:
        raise ValueError(
            f"there is no data set {shown(name)} to fetch; known are {', '.join(REPOSITORIES)}"
            f"{nearest(name, REPOSITORIES)}"
        )
    repository = REPOSITORIES[name]
    by_hand = (
        f"fetch {' and '.join(FILES)} from https://huggingface.co/datasets/{repository}, put them into one folder, and "
        "give that folder instead of the name"
    )
    return _fetched(name, repository, FILES, "dataset", by_hand)[0].parent


def fetch_checkpoint(name: str) -> Path:
    """The file of hf://user/name (its model.safetensors) or hf://user/name/file.safetensors; ValueError likewise."""
    found = re.fullmatch(HUB + r"([\w.-]+/[\w.-]+)(?:/([\w./-]+\.safetensors))?", name, re.ASCII)
    if found is None:
        raise ValueError(
            f"{shown(name)} names no checkpoint on the hub; give hf://user/name, whose file is {MODEL}, or "
            "hf://user/name/file.safetensors"
        )
    repository, file = found[1], found[2] or MODEL
    by_hand = f"fetch {file} from https://huggingface.co/{repository}, and give its path instead"
    return _fetched(shown(name), repository, (file,), "model", by_hand)[0]


def _fetched(name: str, repository: str, files: tuple[str, ...], kind: str, by_hand: str) -> list[Path]:
    """The paths of a repository's files. `by_hand` ends the sentence of an error."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise ValueError(
            f"{name} cannot be fetched, because huggingface_hub is not installed: pip install 'trm-explore[hub]', or "
            f"{by_hand}"
        ) from None

    def get(here_only: bool) -> list[Path]:
        return [Path(hf_hub_download(repository, file, repo_type=kind, local_files_only=here_only)) for file in files]

    try:
        return get(here_only=True)
    except Exception:  # not here yet
        pass
    log = logging.getLogger("huggingface_hub")
    level = log.level
    try:
        log.setLevel(logging.ERROR)  # a line a retry; what failed is said below
        return get(here_only=False)
    except Exception as error:  # whatever keeps it away: no network, no room, no such file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(" .")
        raise ValueError(f"{name} could not be fetched ({reason}); {by_hand}") from None
    finally:
        log.setLevel(level)
