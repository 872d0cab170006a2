"""What comes from outside, held to what can be before anything is computed or allocated from it.

`parse_json` reads strict JSON of a bounded length and depth. `conform` holds a value to a type hint: what a field may
be is said once, by the dataclass or TypedDict that has it. Bounds that a type does not say stand in its hint:

>>> conform({"a": 3}, dict[str, Annotated[int, Range(0, 5)]], "sizes")
{'a': 3}

Every refusal is a ValueError of one sentence that names the value, shortened, and what is allowed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from trm_explore.config.checks import is_number, shown

MOST_TEXT = 64_000_000  # characters of JSON that are read at once; Python makes up to 20 bytes of each
MOST_DEPTH = 32  # lists and objects within each other
MOST_WHOLE = 2**128  # the state of a random generator is such a number
SAFE_WHOLE = 2**53  # up to here a whole number is the same in a browser
LONGEST = 4_000  # characters of a text inside a value

Check = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both allowed, for Annotated."""

    least: float
    most: float


class Deadline:
    """Called now and then by what takes long: ValueError when so many seconds have passed."""

    def __init__(self, seconds: float, what: str):
        self.seconds, self.what = seconds, what
        self._end = time.monotonic() + seconds

    def __call__(self) -> None:
        if time.monotonic() > self._end:
            raise ValueError(
                f"{self.what} took longer than {self.seconds:g} s, which is the most that it may take here"
            )


def parse_json(text: str | bytes, most: int = MOST_TEXT) -> Any:
    """The value of a JSON text; ValueError says why there is none: not JSON, longer than `most` characters, deeper than
    MOST_DEPTH, a name twice in one object, NaN, Infinity, a number that none of our types holds, half a character."""
    if len(text) > most:
        raise ValueError(f"it has {len(text):,} characters, and at most {most:,} are read")
    try:
        value = json.loads(text, parse_constant=_not_a_number, object_pairs_hook=_each_once)
    except RecursionError:
        raise ValueError(f"it nests lists or objects more than {MOST_DEPTH} deep") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        if "int_max_str_digits" in str(error) or "integer string conversion" in str(error):
            raise ValueError("it holds a whole number of thousands of digits") from None
        raise
    return plain(value)


def plain(value: Any) -> Any:
    """The same value where it is what JSON can say within our bounds, at any place of it; else ValueError."""
    ahead = [(value, 0)]
    while ahead:
        here, depth = ahead.pop()
        if isinstance(here, dict | list | tuple):
            if depth >= MOST_DEPTH:
                raise ValueError(f"it nests lists or objects more than {MOST_DEPTH} deep")
            if isinstance(here, dict):
                for name in here:
                    _whole_characters(name)
                here = here.values()
            ahead.extend((inner, depth + 1) for inner in here)
        elif isinstance(here, str):
            _whole_characters(here)
        elif isinstance(here, bool) or here is None:
            pass
        elif isinstance(here, int):
            if abs(here) > MOST_WHOLE:
                raise ValueError(f"it holds {shown(here)}, which is too large")
        elif not isinstance(here, float) or not math.isfinite(here):
            raise ValueError(f"it holds {shown(here)}, which is no number or text")
    return value


def conform(value: Any, hint: Any, name: str = "") -> Any:
    """The value as its type hint says, built anew; ValueError names the place, the value and what is allowed.

    A dataclass and a TypedDict take an object with their fields, which comes back as a dict: unknown names are refused,
    and missing ones that have no default.

    int is no bool, and SAFE_WHOLE at most either way unless Annotated with a Range; float takes whole numbers too, and
    null, which is NaN; `float | None` keeps null. A text has at most LONGEST characters.
    """
    try:
        return _check_of(hint)(value)
    except _Unfit as unfit:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in reversed(unfit.path))
        where = (name + place).removeprefix(".") or "it"
        raise ValueError(f"{where} is {shown(unfit.value)}; it must be {unfit.allowed}") from None


class _Unfit(Exception):
    """A value that is not as its hint says; the path to it is collected on the way out, innermost first."""

    def __init__(self, value: Any, allowed: str):
        super().__init__(allowed)
        self.value, self.allowed, self.path = value, allowed, []


def _inside(check: Check, value: Any, place: str | int) -> Any:
    try:
        return check(value)
    except _Unfit as unfit:
        unfit.path.append(place)
        raise


@cache
def _check_of(hint: Any) -> Check:
    """What holds a value to the hint."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = next((extra for extra in inner[1:] if isinstance(extra, Range)), None)
        return _check_of(inner[0]) if bounds is None else _number_check(inner[0], bounds)
    if origin is Literal:
        return _literal_check(inner)
    if origin in (Union, UnionType):
        return _union_check(inner)
    if origin in (list, tuple):
        return _list_check(inner[0] if inner else Any, origin)
    if origin is dict:
        return _dict_check(inner[1])
    if is_typeddict(hint) or is_dataclass(hint):
        return _fields_check(hint)
    if hint in (int, float):
        return _number_check(hint, Range(-SAFE_WHOLE, SAFE_WHOLE) if hint is int else None)
    simple: dict[Any, Check] = {Any: _any, bool: _bool, str: _text, NoneType: _none}
    if hint in simple:
        return simple[hint]
    raise TypeError(f"no value from outside can be held to the hint {hint!r}")


def _number_check(kind: type, bounds: Range | None) -> Check:
    whole = kind is int
    words = "a whole number" if whole else "a finite number"
    allowed_words = words if bounds is None else f"{words} from {bounds.least:.0f} to {bounds.most:.0f}"

    def check(value: Any) -> Any:
        if value is None and not whole:
            return math.nan
        if not is_number(value) or (whole and type(value) is not int):
            raise _Unfit(value, allowed_words)
        if bounds is not None and not bounds.least <= value <= bounds.most:
            raise _Unfit(value, allowed_words)
        return value

    return check


def _literal_check(allowed: tuple[Any, ...]) -> Check:
    words = f"one of {', '.join(map(str, allowed))}" if len(allowed) > 1 else str(allowed[0])

    def check(value: Any) -> Any:
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise _Unfit(value, words)
        return value

    return check


def _union_check(inner: tuple[Any, ...]) -> Check:
    nothing = NoneType in inner
    checks = [_check_of(hint) for hint in inner if hint is not NoneType]

    def check(value: Any) -> Any:
        if nothing and value is None:
            return None
        for one in checks[:-1]:
            try:
                return one(value)
            except _Unfit:
                continue
        return checks[-1](value)

    return check


def _list_check(inner: Any, kind: type) -> Check:
    each = _check_of(inner)

    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _Unfit(value, "a list")
        made: list[Any] = []
        try:
            for item in value:
                made.append(each(item))
        except _Unfit as unfit:
            unfit.path.append(len(made))
            raise
        return made if kind is list else tuple(made)

    return check


def _dict_check(inner: Any) -> Check:
    each = _check_of(inner)

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Unfit(value, "an object")
        return {_text(name): _inside(each, item, shown(name, 30)) for name, item in value.items()}

    return check


def _fields_check(kind: type) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    if is_typeddict(kind):
        needed = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
        hints = {name: get_args(hint)[0] if get_origin(hint) is NotRequired else hint for name, hint in hints.items()}
    else:
        needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    checks = {name: _check_of(hint) for name, hint in hints.items()}

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Unfit(value, "an object")
        for name in value:
            if name not in checks:
                raise _Unfit(name, f"a name of {', '.join(checks)}")
        for name in needed:
            if name not in value:
                raise _Unfit(sorted(value), f"an object with {name}")
        return {name: _inside(checks[name], item, name) for name, item in value.items()}

    return check


def _any(value: Any) -> Any:
    try:
        return plain(value)
    except ValueError as error:
        raise _Unfit(value, f"plain JSON ({error})") from None


def _bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise _Unfit(value, "true or false")
    return value


def _none(value: Any) -> Any:
    if value is not None:
        raise _Unfit(value, "null")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise _Unfit(value, f"a text of at most {LONGEST:,} characters")
    try:
        return _whole_characters(value)
    except ValueError:
        raise _Unfit(value, "a text of whole characters") from None


def _whole_characters(text: str) -> str:
    """The same text; ValueError where it holds half a surrogate pair, which no encoding can write."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"it holds {shown(text)}, which has half a character") from None
    return text


def _not_a_number(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is no JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"it has {shown(twice)} twice in one object")
    return made
