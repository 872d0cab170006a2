"""What the checks of the exercises are made of: the student's function is tried, and what it gives is compared.

    got = tried(answer, H_cycles=3, L_cycles=2)          # NotYet where it stops, with the line where it does
    equal("for H_cycles=3, L_cycles=2", got, 9, "why 9")  # NotYet with what came, what was wanted, and why

A hint is one sentence, and true whatever the answer was: it says what came and what was wanted; a cause is named only
where it was found by computing it.
"""

from __future__ import annotations

import copy
import inspect
import linecache
import sysconfig
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

Check = Callable[[Any], None]
DOTS = "the dots are still there; put your answer in their place and run the cell again."
MOST = 10_000  # elements that are taken from a generator
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
# Where code lies that is not the student's: this package, the standard library, what is installed.
_OTHERS = tuple(
    {
        str(place)
        for path in (
            Path(__file__).parent.parent,
            *map(Path, map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))),
        )
        for place in (path, path.resolve())
    }
)


class NotYet(Exception):
    """An answer is not right yet; the text is the hint, one sentence."""


def tried(function: Any, **inputs: Any) -> Any:
    """What the student's function gives for the inputs, by position; a generator as a list. NotYet where it is no
    function, takes other inputs, stops with an error (with the student's line), or changes what it was given."""
    if not callable(function):
        raise NotYet(f"check wants the function itself, without brackets; this is {shown(function)}.")
    _check_signature(function, inputs)
    given = copy.deepcopy(inputs)
    try:
        result = function(*given.values())
        if isinstance(result, Iterator):
            result = list(islice(result, MOST))
    except (Exception, SystemExit) as error:
        raise NotYet(stopped(error)) from None
    if result is ... or (isinstance(result, list | tuple) and any(one is ... for one in result)):
        raise NotYet(DOTS)
    for name, value in inputs.items():
        if not _unchanged(value, given[name]):
            raise NotYet(
                f"it changes {name}, which belongs to the caller (+=, sort, pop and methods that end in _ do that): "
                "work on a copy."
            )
    return result


def stopped(error: BaseException) -> str:
    """An error as a hint: the line of the student's own code that it comes from, where there is one."""
    first = (_text(error).strip().splitlines() or [""])[0]
    said = f"{type(error).__name__}: {_cut(first, 120)}" if first else type(error).__name__
    frame, line = error.__traceback__, None
    while frame is not None:
        if _is_students(frame.tb_frame.f_code.co_filename):
            line = frame.tb_frame.f_code.co_filename, frame.tb_lineno
        frame = frame.tb_next
    if line is None:
        return f"it stops with {said}"
    source = linecache.getline(*line).strip()
    return f"line {line[1]}{f' ({_cut(source, 80)})' if source else ''} stops with {said}"


def equal(case: str, got: Any, wanted: Any, why: str) -> None:
    """A number, or a list of them, to six digits; NotYet with what came, what was wanted and why. `case`: "for ..."."""
    target = np.asarray(wanted, dtype=float)
    if got is None:
        raise NotYet(f"{case} it gives nothing back (None); wanted is {shown(wanted)}: {why}. Is there a return?")
    many = "one number is" if target.ndim == 0 else f"a list of {count(len(target), 'number')} is"
    wish = f"{case} {many} wanted, {shown(wanted)}"
    found = numbers(got, wish)
    if found.shape != target.shape:
        raise NotYet(f"{wish}; this gives {shown(got)}.")
    if not np.allclose(found, target, **CLOSE):
        raise NotYet(f"{case} it gives {shown(got)}; wanted is {shown(wanted)}: {why}.")


def listed(case: str, got: Any, n: int) -> np.ndarray:
    """A list of n numbers as an array (n,); NotYet where it is none."""
    wish = f"{case} a list of {count(n, 'number')} is wanted"
    if got is None:
        raise NotYet(f"{wish}; this gives nothing back (None). Is there a return?")
    found = numbers(got, wish)
    if found.shape != (n,):
        raise NotYet(f"{wish}; this gives {shown(got)}.")
    return found


def numbers(value: Any, wish: str) -> np.ndarray:
    """A student's number, list, array or tensor as a float64 array of its own shape; NotYet, with the `wish`, where it
    is none."""
    try:
        return _array(value)
    except Exception:
        raise NotYet(f"{wish}; this gives {shown(value)}.") from None


def truth(case: str, value: Any) -> bool:
    """A student's True or False (or 0 or 1), of any library; NotYet where it is none."""
    if value is None:
        raise NotYet(f"{case} it gives nothing back (None); True or False is wanted. Is there a return?")
    kind = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    if kind.shape == () and kind.dtype.kind in "biuf" and kind.item() in (0, 1):
        return bool(kind)
    raise NotYet(f"{case} True or False is wanted; this gives {shown(value)}.")


def shown(value: Any) -> str:
    """A value as a short text: what came."""
    try:
        return _cut(_shown(value), 90)
    except Exception:  # a student's own class may have a repr that fails
        return a(type(value).__name__)


def count(n: int, thing: str) -> str:
    """1 number, 2 numbers."""
    return f"{n} {thing}{'s' * (n != 1)}"


def a(noun: str) -> str:
    """With its article: an int, a list."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _check_signature(function: Any, inputs: dict[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
    except Exception:  # some built-in functions have none
        return
    try:
        signature.bind(*inputs.values())
    except TypeError:
        wish = f"{count(len(inputs), 'input')} ({', '.join(inputs)})"
        raise NotYet(f"the function is called with {wish}, but yours takes {_cut(str(signature), 80)}.") from None


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return before.shape == after.shape and torch.equal(before, after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after)
    return callable(before) or before == after


def _is_students(filename: str) -> bool:
    return not filename.startswith((*_OTHERS, "<frozen", "<__array"))


def _array(value: Any) -> np.ndarray:
    """TypeError or ValueError for what is not made of real numbers; True and False are none."""
    if isinstance(value, Tensor):
        if value.dtype == torch.bool or value.is_complex():
            raise TypeError
        return value.detach().cpu().double().numpy()
    if isinstance(value, list | tuple | range):
        return np.array([_array(one) for one in value], dtype=float)
    if isinstance(value, bool | str | bytes | dict | set | np.bool_):
        raise TypeError
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iufO":
        raise TypeError
    if not isinstance(value, np.ndarray | np.generic) and hasattr(type(value), "__array__"):
        return _array(np.asarray(value))  # a pandas Series, say
    return np.array(float(value)) if np.ndim(value) == 0 else _array(list(value))


def _shown(value: Any) -> str:
    if isinstance(value, Tensor | np.ndarray):
        if value.ndim and int(np.prod(value.shape)) > 12:
            return f"{a('tensor' if isinstance(value, Tensor) else 'array')} of shape {tuple(value.shape)}"
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int) or value is None:
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(_shown(one) for one in islice(value, 13))
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return "a function"
    return " ".join(repr(value).split())


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
