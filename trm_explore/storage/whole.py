"""Files that appear whole or not at all: written beside their place under another name, then moved there.

Path("a.json").write_text(...) leaves a cut file on a full disk, and the good one that was there is lost. `write_whole`
leaves the old one. What a killed process left (`.NAME.xxxxxxxx.tmp`) is removed when the same file is next written.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trm_explore.storage.lock import hold, same_file

# This process's open streams, by their number; where they lead is not to be replaced.
_STREAM = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_NAME = 60  # characters of the name that the temporary one begins with: names have at most 255 bytes


def write_whole(path: str | Path, data: bytes | str, what: str = "file") -> Path:
    """Writes a file (text as UTF-8) whole or not at all, also where the machine goes down; returns its path.

    A file that was there keeps its permissions, a new one has those that the umask says; a link stays, and what it
    leads to is written. Into a pipe, a terminal or /dev/stdout it is written as into any stream. OSError, one sentence
    with the path, leaves what was there; `what` it is called there.
    """
    path, data = Path(path), data.encode("utf-8") if isinstance(data, str) else data
    try:
        if (number := _stream(path)) is not None:
            with os.fdopen(os.dup(number), "wb") as stream:  # where that stream is now, not at its beginning
                stream.write(data)
        elif path.exists() and not path.is_file():  # a pipe, a device: it cannot be replaced
            with open(path, "wb") as stream:
                stream.write(data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        untouched = f"; the {what} that was there is untouched" if path.is_file() else ""
        sentence = f"could not save {path} ({_size(len(data))}): {error.strerror or error}{untouched}"
        raise OSError(error.errno, sentence) from error
    return path


def remove_leftovers(path: str | Path, alone: bool = False) -> None:
    """Removes what writers of this file left that were killed. `alone`: the caller knows that nobody writes it now
    (it holds the folder's lock); else only what no living process holds goes."""
    path = Path(path)
    ending = r"(\.tmp)?" if alone else r"\.tmp"  # the first release had no ending
    ours = re.compile(rf"\.{re.escape(path.name[:_NAME])}\.[0-9a-z_]{{8}}{ending}")
    with suppress(OSError):
        for name in filter(ours.fullmatch, os.listdir(path.parent)):
            left = path.parent / name
            if alone:
                left.unlink(missing_ok=True)
            else:
                _remove_abandoned(left)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder to fill, that takes the name `path` (where nothing is, or an empty folder) only when the block ends
    well; else nothing of it is left."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    handle, temporary = _folder_beside(path)
    try:
        yield temporary
        umask_says = os.open(temporary / ".mode", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o777)
        mode = stat.S_IMODE(os.fstat(umask_says).st_mode)  # mkdtemp's are for the owner alone
        os.close(umask_says)
        (temporary / ".mode").unlink()
        os.chmod(temporary, mode)
        if path.is_dir():  # an empty one
            path.rmdir()
        os.rename(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(error.errno, f"could not write {path}: the disk is full; nothing was kept") from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _stream(path: Path) -> int | None:
    """The number of the open stream that the path names, also through links; None for every other path."""
    here = os.path.abspath(path)
    for _ in range(40):  # as many links in a row as Linux follows
        if here in _STANDARD:
            return _STANDARD[here]
        if found := _STREAM.fullmatch(here):
            return int(found[1])
        if not os.path.islink(here):
            return None
        here = os.path.abspath(os.path.join(os.path.dirname(here), os.readlink(here)))
    return None


def _replace(target: Path, data: bytes) -> None:
    there = target.exists()
    if there and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    remove_leftovers(target)
    handle, temporary = _beside(target)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if there:
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            if sys.platform != "win32":  # moved while it is held, so that nobody takes it for a leftover
                os.replace(temporary, target)
        if sys.platform == "win32":
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # the new name, too, is on the disk before anybody relies on it
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _beside(target: Path) -> tuple[int, Path]:
    """An open new file in the target's folder, held by this process, with the permissions that the umask says."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        temporary = target.with_name(f".{target.name[:_NAME]}.{secrets.token_hex(4)}.tmp")
        try:
            handle = os.open(temporary, flags, 0o666)
        except FileExistsError:
            continue
        if sys.platform == "win32":
            return handle, temporary
        with suppress(OSError):  # a file system without locks: nobody removes leftovers there
            hold(handle)
        if same_file(handle, temporary):
            return handle, temporary
        os.close(handle)  # it was taken for a leftover before it was held


def _folder_beside(target: Path) -> tuple[int | None, Path]:
    """A new folder beside the target, for its owner alone, held by this process through the open handle."""
    while True:
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:_NAME]}.", suffix=".tmp"))
        if sys.platform == "win32":
            return None, temporary
        handle = os.open(temporary, os.O_RDONLY)
        with suppress(OSError):
            hold(handle)
        if same_file(handle, temporary):
            return handle, temporary
        os.close(handle)


def _remove_abandoned(left: Path) -> None:
    if sys.platform == "win32":  # writers do not hold theirs
        return
    with suppress(OSError):
        handle = os.open(left, os.O_RDONLY)
        try:
            if hold(handle) and same_file(handle, left):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _size(bytes_: int) -> str:
    return f"{bytes_ / 1e6:.1f} MB" if bytes_ >= 50_000 else f"{bytes_ / 1e3:.1f} kB"
