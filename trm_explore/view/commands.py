"""A run as a shell command and as a Python script."""

from __future__ import annotations

import pprint
import shlex
from pathlib import Path
from typing import Any

from trm_explore.config import RunConfig
from trm_explore.tasks import preset


def changed_fields(config: RunConfig) -> dict[str, Any]:
    """What differs from the task's preset, by field; the user's file by its bare name."""
    flat, base = config.to_flat(), preset(config.task, config.preset).to_flat()
    changed = {name: value for name, value in flat.items() if value != base[name]}
    changed = {name: value for name, value in changed.items() if name not in ("vocab_size", "seq_len")}
    if config.puzzles.data:
        changed["data"] = Path(config.puzzles.data).name
    return changed


def as_command(config: RunConfig) -> str:
    """The same run in a terminal."""
    words = ["trm-explore", "train", "--task", config.task]
    if config.preset != "tiny":
        words += ["--preset", config.preset]
    for name, value in changed_fields(config).items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no_{name}")
        elif isinstance(value, list):
            words += [f"--{name}", *map(short_number, value)]
        elif str(value).startswith("-"):  # a file's name may
            words.append(f"--{name}={value}")
        else:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def as_python(config: RunConfig) -> str:
    """The same run in a script or notebook."""
    arguments = [repr(config.task), repr(config.preset)]
    arguments += [f"{name}={pprint.pformat(value)}" for name, value in changed_fields(config).items()]
    lines = ",\n".join(f"    {argument}" for argument in arguments)
    return (
        "from trm_explore import preset, train\n\n"
        f"config = preset(\n{lines},\n)\n"
        "for event in train(config):\n    print(event)\n"
    )


def short_number(value: float) -> str:
    """As short as it can be read back exactly: 1, 0.3."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
