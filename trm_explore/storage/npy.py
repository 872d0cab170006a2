"""NumPy arrays from files that nobody vouches for: the header is read by us and held against the file's size first.

    array = read_npy("inputs.npy")                # ValueError, one sentence, for anything but a plain array of numbers
    array = read_npy("inputs.npy", mapped=True)   # stays on disk

Python objects, records, texts, negative lengths and headers that promise more than the file holds are refused before
anything is allocated. Numbers of the other byte order come as this machine's own (mapped ones as they are).
"""

from __future__ import annotations

import ast
import math
import re
import struct
from pathlib import Path

import numpy as np

from trm_explore.config.checks import shown

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000  # bytes, as NumPy allows
MOST_DIMENSIONS = 8
# Truth values, whole and real numbers of up to 8 bytes: no objects, records, texts, dates, longer floats.
PLAIN = re.compile(r"[<>=|]?(\?|b1|[iu][1248]|f[248])", re.ASCII)


def read_npy(path: str | Path, mapped: bool = False) -> np.ndarray:
    """The array of a .npy file; ValueError (OSError where the system says no) for all else. `mapped`: read-only, on
    disk."""
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            dtype, fortran, shape = _header(file)
        except ValueError as error:
            raise ValueError(f"{path} is not a whole plain NumPy array: {error}") from None
        start, count = file.tell(), math.prod(shape)
        needed = count * dtype.itemsize
        if needed > size - start:
            raise ValueError(
                f"{path} is not a whole plain NumPy array: its header promises {needed:,} bytes of numbers, and "
                f"{size - start:,} follow; save it again"
            )
        order = "F" if fortran else "C"
        if mapped and count:
            return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order=order)
        flat = np.fromfile(file, dtype=dtype, count=count)
    if len(flat) != count:
        raise ValueError(f"{path} became shorter while it was read; try again")
    return flat.astype(dtype.newbyteorder("="), copy=False).reshape(shape, order=order)


def _header(file) -> tuple[np.dtype, bool, tuple[int, ...]]:
    """(type, whether columns come first, shape) as the header says; ValueError with the reason."""
    beginning = file.read(len(MAGIC) + 2)
    if len(beginning) < len(MAGIC) + 2 or not beginning.startswith(MAGIC):
        raise ValueError("it does not begin like one")
    version = beginning[-2]
    if version not in (1, 2, 3):
        raise ValueError(f"its format is version {version}; 1 to 3 are read")
    width = "<H" if version == 1 else "<I"
    length = file.read(struct.calcsize(width))
    (length,) = struct.unpack(width, length) if len(length) == struct.calcsize(width) else (0,)
    if not 0 < length <= LONGEST_HEADER:
        raise ValueError(f"its header has {length:,} bytes; 1 to {LONGEST_HEADER:,} are read")
    try:
        text = file.read(length).decode("utf-8" if version == 3 else "latin1")
        header = ast.literal_eval(text.strip("\0 \n"))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("its header cannot be read") from None
    if not isinstance(header, dict) or {*header} != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header must say descr, fortran_order and shape")
    descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(fortran, bool):
        raise ValueError(f"fortran_order is {shown(fortran)}; it must be True or False")
    if not isinstance(shape, tuple) or len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"its shape is {shown(shape)}; it must have at most {MOST_DIMENSIONS} dimensions")
    if not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError(f"its shape is {shown(shape)}; it must hold whole numbers of at least 0")
    return _dtype(descr), fortran, shape


def _dtype(descr: object) -> np.dtype:
    if not isinstance(descr, str) or not PLAIN.fullmatch(descr):
        raise ValueError(f"its type is {shown(descr)}; it must hold numbers, such as int64 or float32")
    return np.dtype(descr)
