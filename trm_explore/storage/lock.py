"""A folder that one process at a time writes to. The system holds the lock, so that it ends with its process.

with FolderLock("runs/a"):       # ValueError, one sentence, where another process has it
    ...

The file `.lock` says who has it; the lock itself is the system's (flock; on Windows a locked byte), so a file that a
killed process left behind locks nobody out. Commands that only read need no lock.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def hold(handle: int) -> bool:
        """Locks an open file for this process, until it is closed: False where another process has it. OSError where
        the file system knows no locks."""
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # far behind what others read
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def hold(handle: int) -> bool:
        """Locks an open file for this process, until it is closed: False where another process has it. OSError where
        the file system knows no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def same_file(handle: int, path: Path) -> bool:
    """Whether an open file is still the one under that name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


class FolderLock:
    """Held inside the `with` block; the folder is made where there is none, and removed again where it stayed empty.
    `name`: of the file in it, where parts of a folder have locks of their own. `held`: False on a file system without
    locks, where nobody can be kept out."""

    def __init__(self, folder: str | Path, name: str = ".lock"):
        self.folder, self.path = Path(folder), Path(folder, name)
        self.held = False
        self._handle: int | None = None
        self._made: list[Path] = []  # folders that were not there, the innermost first

    def __enter__(self) -> FolderLock:
        here = self.folder
        while not here.exists() and here != here.parent:
            self._made.append(here)
            here = here.parent
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take()
        except BaseException:
            self._remove_made()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            if os.name != "nt":  # else it cannot be removed while it is open
                self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None
        with suppress(OSError):
            if os.name == "nt":
                self.path.unlink(missing_ok=True)
        self._remove_made()

    def _take(self) -> None:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self.held = hold(handle)
                if not self.held:
                    raise ValueError(self._in_use(handle))
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    os.close(handle)
                    raise
            except ValueError:
                os.close(handle)
                raise
            if not self.held or same_file(handle, self.path):
                break
            os.close(handle)  # its last holder has just removed it
        self._handle = handle
        with suppress(OSError):  # a full disk: the lock holds all the same, only its sentence knows less
            os.truncate(handle, 0)
            os.write(handle, f"{os.getpid()} {socket.gethostname()}\n".encode())

    def _in_use(self, handle: int) -> str:
        owner = os.read(handle, 300).decode(errors="replace").split()
        number, host = (owner + ["", ""])[:2]
        who = f"process {number}" if number.isdecimal() else "another process"
        where = f" on {host}" if number and host != socket.gethostname() else ""
        return (
            f"out={self.folder} is in use: {who}{where} writes to it; wait until it has ended, stop it, or choose "
            "another folder"
        )

    def _remove_made(self) -> None:
        with suppress(OSError):  # not empty: then it is needed
            for folder in self._made:
                folder.rmdir()
