"""People's text files as lines: unpacked, decoded, and never more than is sensible.

What a file is stands in its first bytes, not in its name. gzip and zip (with one file in it) are unpacked as they are
read; UTF-8 and UTF-16 are told apart, with and without a byte order mark; lines end in LF, CR or CRLF. Whatever is no
such file ends in a ValueError of one sentence.

>>> next(iter(lines_of_text("a\\r\\nb")))
'a'
"""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trm_explore.config.checks import shown
from trm_explore.storage.untrusted import MOST_TEXT, parse_json

LONGEST_LINE = 100_000  # characters
MOST_RATIO, SURELY = 20, 4_000_000  # unpacked bytes a packed one, beyond these first ones: puzzles pack 3 to 8 times
MOST_EMPTY = 10_000  # lines with nothing in them, one after the other
HEAD = 4096  # bytes that tell what a file is
PASTED = "the text"  # what a sentence calls a text that has no file's name
READABLE = (".csv", ".tsv", ".txt", ".sdm", ".sdk", ".ss", ".dat", ".text")
FILE_TYPES = (*READABLE, ".gz", ".zip")  # what a file of puzzles may be called where one is chosen
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, OSError)

BEGINNINGS = (  # of files that are something else -> what they are, and what to do
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`, or download the file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document; save it as text or CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document; save it as CSV"),
    (b"{\\rtf", "an RTF document; save it as plain text"),
    (b"BZh", "a bzip2 file; unpack it, or pack it as gzip or zip"),
    (b"\xfd7zXZ", "an xz file; unpack it, or pack it as gzip or zip"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it, or pack it as zip"),
    (b"Rar!", "a RAR archive; unpack it, or pack it as zip"),
    (b"(\xb5/\xfd", "a Zstandard file; unpack it, or pack it as gzip or zip"),
    (b"PAR1", "a Parquet file; save it as CSV"),
    (b"\x93NUMPY", "a NumPy array"),
)


def what_is(head: bytes) -> str:
    """What a file that begins so is, where it is surely something else than asked for, and what to do; else empty."""
    if not head:
        return "empty"
    for beginning, what in BEGINNINGS:
        if head.startswith(beginning):
            return what
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return "a web page (HTML), not the file itself; download the file, not its page"
    return ""


def lines_of_text(text: str) -> Iterator[str]:
    """The lines of a text that was typed or pasted."""
    return _bounded(io.StringIO(text.removeprefix("\ufeff"), newline=None), PASTED)


def lines_of_bytes(data: bytes, name: str) -> Iterator[str]:
    """The lines of a file's bytes; `name` is for sentences."""
    return _lines(io.BytesIO(data), len(data), name)


def lines_of_file(path: str | Path, how: str) -> Iterator[str]:
    """The lines of a file, without their ends. `how`: what to give instead, for the sentence of a ValueError."""
    name = str(path)
    try:
        with open(path, "rb") as stream:
            size = Path(path).stat().st_size
            yield from _lines(stream, size, name)
    except FileNotFoundError:
        raise ValueError(f"There is no file {shown(name, 200)}: {how}.") from None
    except IsADirectoryError:
        raise ValueError(f"{shown(name, 200)} is a folder, not a file: {how}.") from None
    except OSError as error:
        raise ValueError(f"{shown(name, 200)} cannot be read ({error.strerror or error}): {how}.") from None


def read_json(path: Path) -> Any:
    """What a JSON file holds, with or without a byte order mark, as `parse_json` takes it; ValueError where it is
    none."""
    try:
        if (size := path.stat().st_size) > 4 * MOST_TEXT:
            raise ValueError(f"it has {size:,} bytes, and at most {MOST_TEXT:,} characters are read")
        with path.open("rb") as file:
            if what := what_is(file.read(HEAD)):
                raise ValueError(f"it is {what}")
        return parse_json(text_of_file(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)[:200]
        raise ValueError(f"{path} is not JSON that can be read: {reason.removeprefix('it is not JSON: ')}") from None


def text_of_file(path: Path) -> str:
    """A whole text file: UTF-8 or UTF-16, with or without a byte order mark. OSError, or ValueError for no text."""
    data = path.read_bytes()
    try:
        return data.decode(_encoding(data[:HEAD]))
    except UnicodeError:
        raise ValueError("it is not UTF-8 text") from None


def foreign_byte(text: str) -> str:
    """Where a text holds a byte that was not UTF-8: that byte, as in 0xff; else empty."""
    found = next((character for character in text if "\udc80" <= character <= "\udcff"), None)
    return "" if found is None else f"0x{ord(found) - 0xDC00:02x}"


def not_utf8(name: str, line: int, byte: str) -> str:
    """The sentence about such a byte."""
    return f"{shown(name, 200)} is not UTF-8 text (it has a byte {byte} in line {line}): save it as UTF-8."


def _lines(stream: Any, size: int, name: str) -> Iterator[str]:
    encoding = "utf-8"
    try:
        with _unpacked(stream, size, name) as unpacked:
            head = unpacked.peek(HEAD)[:HEAD]
            if what := what_is(head) if head else "":
                raise ValueError(f"{name} is {what}")
            encoding = _encoding(head)
            if b"\0" in head and encoding.startswith("utf-8"):
                raise ValueError(f"{name} is no text; save it as text or CSV")
            # A byte that is not UTF-8 counts only where somebody reads it: it may stand in a remark.
            with io.TextIOWrapper(unpacked, encoding=encoding, errors="surrogateescape", newline=None) as text:
                yield from _bounded(text, name)
    except UnicodeError:
        raise ValueError(f"{name} is no whole {encoding.upper()} text; save it as UTF-8") from None
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{name} is cut off or damaged ({str(error)[:80]}); pack it again") from None


def _bounded(text: io.TextIOBase, name: str) -> Iterator[str]:
    empty = number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{name}, line {number}: it has more than {LONGEST_LINE:,} characters; give shorter lines")
        empty = 0 if line.strip() else empty + 1
        if empty > MOST_EMPTY:
            raise ValueError(f"{name}, line {number}: {MOST_EMPTY:,} lines before it are empty; take them out")
        yield line.removesuffix("\n")


def _encoding(head: bytes) -> str:
    """By the byte order mark; without one UTF-16 is told by its zeros."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zeros = [head[first::2].count(0) for first in (0, 1)]
    for at, other, name in ((1, 0, "utf-16-le"), (0, 1, "utf-16-be")):
        if zeros[at] > 0.4 * len(head) and zeros[other] < 0.05 * len(head):
            return name
    return "utf-8-sig"


@contextmanager
def _unpacked(stream: Any, size: int, name: str) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked where it is packed."""
    plain = io.BufferedReader(stream) if isinstance(stream, io.BytesIO) else stream
    head = plain.peek(4)[:4]  # read on, not back: it may be a pipe
    limit = max(SURELY, MOST_RATIO * size)
    if head.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=plain) as inner:
            yield io.BufferedReader(_Limited(inner, limit, name))
    elif head == b"PK\x03\x04" or head == b"PK\x05\x06":
        try:
            archive = zipfile.ZipFile(plain)
            inner = archive.open(_member(archive, name))
        except DAMAGED as error:
            raise ValueError(f"{name} is a zip file that is cut off or damaged ({str(error)[:80]})") from None
        with archive, inner:
            yield io.BufferedReader(_Limited(inner, limit, name))
    else:
        yield plain


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The one text file of an archive."""
    there = [info for info in archive.infolist() if not info.is_dir()]
    names = {info.filename for info in there}
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise ValueError(f"{name} is a spreadsheet or document; save it as CSV")
    files = [info for info in there if not any(part.startswith((".", "__MACOSX")) for part in info.filename.split("/"))]
    if len(files) > 1:
        files = [info for info in files if info.filename.lower().endswith(READABLE)] or files
    if len(files) != 1:
        listed = [shown(info.filename) for info in files[:5]] + ["\u2026"] * (len(files) > 5)
        raise ValueError(
            f"{name} must hold one file of puzzles, but it holds {', '.join(listed) or 'nothing'}; unpack it and give "
            "one of them"
        )
    if files[0].flag_bits & 1:
        raise ValueError(f"{name} has a password; unpack it first")
    return files[0]


class _Limited(io.RawIOBase):
    """Reads on to a limit; ValueError for what is longer."""

    def __init__(self, inner: Any, limit: int, name: str):
        self.inner, self.left, self.name = inner, limit, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.inner.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(
                f"{self.name} unpacks to more than {MOST_RATIO} times its size, which no file of puzzles does; give it "
                "unpacked"
            )
        buffer[: len(data)] = data
        return len(data)
