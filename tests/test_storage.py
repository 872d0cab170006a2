"""storage/: a file appears whole or not at all, wherever it is written; a folder has one writer, and no stale lock."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from trm_explore.storage import whole
from trm_explore.storage.lock import FolderLock
from trm_explore.storage.whole import new_folder, remove_leftovers, write_whole

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, links and pipes as POSIX has them")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_as_utf_8_and_bytes_as_they_are(tmp_path):
    assert write_whole(tmp_path / "a.txt", "6 × 6\n").read_bytes() == "6 × 6\n".encode()
    assert write_whole(tmp_path / "a.bin", b"\r\n\0").read_bytes() == b"\r\n\0"
    assert names(tmp_path) == ["a.bin", "a.txt"]


@posix
def test_a_new_file_has_the_permissions_of_the_umask_and_an_old_one_keeps_its_own(tmp_path):
    (tmp_path / "private").write_text("old")
    (tmp_path / "private").chmod(0o600)
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", "1")
        write_whole(tmp_path / "private", "1")
        with new_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)}
    assert modes == {"new": 0o640, "private": 0o600, "folder": 0o750}


@posix
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    for text in ("first", "second"):
        write_whole(tmp_path / "link", text)
        assert (tmp_path / "elsewhere" / "file").read_text() == text
    assert (tmp_path / "link").is_symlink() and names(tmp_path) == ["elsewhere", "link"]


@posix
@pytest.mark.parametrize("into", ["pipe", "file"])
def test_standard_output_is_written_to_and_not_replaced(tmp_path, into):
    code = "from trm_explore.storage import write_whole; write_whole('/dev/stdout', 'said'); print(' and more')"
    with (tmp_path / "out").open("w") as file:
        ran = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE if into == "pipe" else file, check=True
        )
    assert (ran.stdout.decode() if into == "pipe" else (tmp_path / "out").read_text()).startswith("said")


@posix
@pytest.mark.parametrize("old", [None, "the good one"])
def test_a_disk_that_is_full_leaves_what_was_there_and_names_the_file(tmp_path, old):
    """A real one, as far as a process can have its own: files may have 1,000 bytes."""
    path = tmp_path / "report.html"
    if old is not None:
        path.write_text(old)
    code = "import resource, signal, sys; from trm_explore.storage import write_whole\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    code += "try: write_whole(sys.argv[1], 'x' * 5000)\nexcept OSError as error: print(error.strerror)"
    ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    kept = "; the file that was there is untouched" if old else ""
    assert ran.stdout == f"could not save {path} (5.0 kB): {os.strerror(errno.EFBIG)}{kept}\n"
    assert names(tmp_path) == (["report.html"] if old else []) and (old is None or path.read_text() == old)


def test_ctrl_c_while_a_file_is_written_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")

    def pressed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", pressed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", "new")
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


@posix
def test_what_killed_writers_left_is_removed_when_the_file_is_next_written_and_nothing_else(tmp_path):
    left, living, alike = (tmp_path / name for name in (".a.01234567.tmp", ".a.89abcdef.tmp", ".a.backup.tmp.txt"))
    for path in (left, living, alike, tmp_path / ".ab.01234567.tmp"):
        path.write_text("half")
    (tmp_path / ".folder.01234567.tmp").mkdir()
    (tmp_path / ".folder.01234567.tmp" / "part").write_text("half")
    with living.open() as held:
        assert whole.hold(held.fileno())  # as its writer does
        write_whole(tmp_path / "a", "whole")
        with new_folder(tmp_path / "folder"):
            pass
    assert names(tmp_path) == [living.name, alike.name, ".ab.01234567.tmp", "a", "folder"]
    remove_leftovers(tmp_path / "a", alone=True)
    assert names(tmp_path) == [alike.name, ".ab.01234567.tmp", "a", "folder"]


def test_a_name_of_255_bytes_is_written(tmp_path):
    name = "ж" * 127
    write_whole(tmp_path / name, "x")
    assert names(tmp_path) == [name]


# ---- the lock

HOLDER = """
import sys
from trm_explore.storage import FolderLock
with FolderLock(sys.argv[1]):
    print("has it", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], **pipes)
    assert process.stdout.readline() == "has it\n"
    return process


def test_a_second_process_is_told_which_one_has_the_folder_and_a_killed_one_leaves_it_free(tmp_path):
    folder = tmp_path / "deep" / "run"
    with holder(folder) as process:
        with pytest.raises(ValueError, match=f"^out={folder} is in use: process {process.pid} writes to it; wait"):
            FolderLock(folder).__enter__()
        process.kill()
        process.wait()
        assert names(folder) == [".lock"]  # nobody removed it
    with FolderLock(folder) as lock:
        assert lock.held and lock.path.read_text().split()[0] == str(os.getpid())
        with pytest.raises(ValueError, match="is in use"), FolderLock(folder):
            pass  # the same process does not get it twice either
    assert names(folder) == []


def test_folders_that_the_lock_made_and_nobody_filled_are_gone_again(tmp_path):
    with FolderLock(tmp_path / "a" / "b"):
        pass
    assert names(tmp_path) == []
    with FolderLock(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").touch()
    assert names(tmp_path / "a" / "b") == ["file"]


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def unknown(_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("trm_explore.storage.lock.hold", unknown)
    with FolderLock(tmp_path) as lock:
        assert not lock.held
