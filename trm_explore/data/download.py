"""Fetches the published CSV files by name, through huggingface_hub (the extra `hub`); nothing else here uses the
network. Only when asked for by name, and what was fetched once is found again offline (huggingface_hub's cache).

>>> fetch("sudoku-extreme")        # the folder with train.csv and test.csv
"""

from __future__ import annotations

import logging
from pathlib import Path

from trm_explore.config.checks import shown

REPOSITORIES = {  # name -> data set on huggingface.co
    "sudoku-extreme": "sapientinc/sudoku-extreme",
    "maze-hard": "sapientinc/maze-30x30-hard-1k",
}
FILES = ("train.csv", "test.csv")


def fetch(name: str) -> Path:
    """The folder that holds train.csv and test.csv; ValueError that says what to fetch by hand, where that fails."""
    if name not in REPOSITORIES:
        raise ValueError(f"there is no data set {shown(name)} to fetch; known are {', '.join(REPOSITORIES)}")
    repository = REPOSITORIES[name]
    by_hand = (
        f"fetch {' and '.join(FILES)} from https://huggingface.co/datasets/{repository}, put them into one folder, and "
        "give that folder instead of the name"
    )
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise ValueError(
            f"{name} cannot be fetched, because huggingface_hub is not installed: pip install 'trm-explore[hub]', or "
            f"{by_hand}"
        ) from None

    def get(here_only: bool) -> Path:
        files = [hf_hub_download(repository, file, repo_type="dataset", local_files_only=here_only) for file in FILES]
        return Path(files[0]).parent

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
