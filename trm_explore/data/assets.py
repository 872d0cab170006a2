"""Find the files that ship with the project: small trained checkpoints, puzzle pools, figures.

`asset("sudoku4-linear")` is the path of assets/sudoku4-linear.safetensors, wherever the package is installed.
"""

from pathlib import Path

from trm_explore.config.checks import nearest, shown

PACKAGE = Path(__file__).resolve().parents[1]
SUFFIXES = ("", ".safetensors")  # a checkpoint may be named without its suffix


def folder() -> Path:
    """The folder of the assets: inside the package in a wheel, beside it in a checkout or an editable install."""
    inside = PACKAGE / "assets"
    return inside if inside.is_dir() else PACKAGE.parent / "assets"


def assets() -> list[str]:
    """The names of everything that ships, sorted."""
    if not folder().is_dir():
        return []
    return sorted(path.name for path in folder().iterdir() if path.is_file() and not path.name.startswith("."))


def checkpoints() -> list[str]:
    """The names of the shipped checkpoints, without suffix."""
    return [name.removesuffix(".safetensors") for name in assets() if name.endswith(".safetensors")]


def asset(name: str) -> Path:
    """The path of one shipped file. `asset("sudoku4-linear")` also finds sudoku4-linear.safetensors."""
    there = assets()  # only these names are ever joined to the folder, so no path leads out of it
    for suffix in SUFFIXES:
        if f"{name}{suffix}" in there:
            return folder() / f"{name}{suffix}"
    listed = ", ".join(there) or "none: this copy is incomplete, install the project again"
    raise FileNotFoundError(
        f"There is no asset named {shown(name)}; the shipped files are: {listed}. A file of your "
        f"own is given as its path{nearest(name, there) or '.'}"
    )
