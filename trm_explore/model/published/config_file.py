"""all_config.yaml, which stands beside a published checkpoint: YAML, of which settings are read by their place.

Read by PyYAML as plain values: no tag in it makes an object, and its size and what its aliases unfold to are bounded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from trm_explore.config.checks import shown
from trm_explore.data.text_file import text_of_file, what_is

MOST_BYTES = 1_000_000
MOST_SETTINGS = 10_000  # an alias inside an alias unfolds to any number
NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)[eE][-+]?\d+")  # YAML 1.1 takes 1e-05 for text


class _Loader(yaml.SafeLoader):
    """PyYAML's plain values, with numbers as YAML 1.2 and the published code's OmegaConf read them. A value with a tag
    of somebody's own is nothing that we ask for: None."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)  # 2024-13-45 is no error of ours
_Loader.add_constructor(None, lambda loader, node: None)


class Settings(dict[str, Any]):
    """A file's settings by their place, {"arch.H_cycles": 3, "lr": 0.0001, ...}; `get` notes what was asked for."""

    def __init__(self, found: dict[str, Any]):
        super().__init__(found)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def unheard(self) -> str:
        """Where nothing of the file was asked for: the first names in it, or `nothing`; else empty."""
        if self.keys() & self.asked:
            return ""
        return ", ".join(shown(name) for name in list(self)[:5]) + ", \u2026" * (len(self) > 5) or "nothing"


def read_settings(path: Path) -> Settings:
    """The settings of such a file; OSError or ValueError where it cannot be read."""
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path} has {size:,} bytes, and at most {MOST_BYTES:,} are read; is it the run's settings?")
    try:
        text = text_of_file(path)
    except ValueError:
        raise ValueError(f"{path} is no text; it should be the run's settings as YAML") from None
    if text and (what := what_is(text[:200].encode())):
        raise ValueError(f"{path} is {what}")
    try:
        content = yaml.load(re.sub(r":[ \t]+", ": ", text), _Loader)  # PyYAML takes no tab there, which YAML allows
        found = dict(_flat(content)) if isinstance(content, dict) else {}
    except yaml.MarkedYAMLError as error:
        at = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = " ".join(f"{error.problem or error.context}".split())[:100]
        raise ValueError(f"{path} is not YAML that can be read: {reason}{at}; correct it, or take it away") from None
    except RecursionError:
        raise ValueError(f"{path} is not YAML that can be read: it nests too deep; take it away") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise ValueError(f"{path} is not YAML that can be read: {reason}; correct it, or take it away") from None
    if not isinstance(content, dict | None):
        raise ValueError(f"{path} holds {shown(content)}, not settings by name as YAML; correct it, or take it away")
    return Settings(found)


def write_settings(settings: dict[str, Any]) -> str:
    """Nested dicts of plain values and lists of them as such a text."""
    return yaml.safe_dump(settings, sort_keys=False) if settings else ""


def _flat(settings: dict[Any, Any]) -> Any:
    """(place, value) of everything that is no dict, in the file's order."""
    ahead, seen = [("", settings)], 0
    while ahead:
        place, value = ahead.pop()
        if (seen := seen + 1) > MOST_SETTINGS:
            raise ValueError(f"it has more than {MOST_SETTINGS:,} settings")
        if isinstance(value, dict):
            before = f"{place}." if place else ""
            ahead.extend((f"{before}{str(name)[:100]}", inner) for name, inner in reversed(value.items()))
        elif place:
            yield place, value
