"""all_config.yaml, which stands beside a published checkpoint: nested settings, of which we read plain values.

No YAML package is needed for that: a line is `name: value` or `name:`, and the indentation says what belongs to what.
Lists and whatever else a line may be are passed over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LINE = re.compile(r"( *)([\w.]+):(?:\s+(.*))?")


def read_settings(path: Path) -> dict[str, Any]:
    """{"arch.H_cycles": 3, "arch.loss.loss_type": "...", "lr": 0.0001, ...}; OSError or ValueError where it cannot be
    read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text; it should be the run's settings as YAML") from None
    found: dict[str, Any] = {}
    above: list[tuple[int, str]] = []
    for line in lines:
        match = LINE.fullmatch(line.split(" #")[0].rstrip())
        if match is None:
            continue
        indent, name, value = len(match[1]), match[2], match[3]
        while above and above[-1][0] >= indent:
            above.pop()
        if value is None:
            above.append((indent, name))
        else:
            found[".".join([*(outer for _, outer in above), name])] = plain(value)
    return found


def write_settings(settings: dict[str, Any], indent: str = "") -> str:
    """Nested dicts of plain values and lists of them as such a text."""
    lines = []
    for name, value in settings.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{name}:\n{write_settings(value, indent + '  ')}")
        else:
            lines.append(f"{indent}{name}: {said(value)}\n")
    return "".join(lines)


def plain(text: str) -> Any:
    """A YAML scalar: whole number, number, truth value, nothing, or text."""
    if text in ("true", "True", "false", "False"):
        return text.lower() == "true"
    if text in ("null", "~", "None"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("'\"")


def said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
