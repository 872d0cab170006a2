"""What Gradio takes from the environment, decided before Gradio is imported: it reads most of it while it is.

A page must be the same page wherever it is served. A Hugging Face Space, for example, asks for rendering by a Node
server, in which our drawings are dead; other variables open folders, endpoints or a public tunnel. So only those of
READ are left to the environment; what else begins with GRADIO_ is dropped, and `launch` says the rest itself.
"""

from __future__ import annotations

import getpass
import os
import stat
import tempfile
from pathlib import Path

READ = (
    "GRADIO_TEMP_DIR",  # where uploads lie
    "GRADIO_HEARTBEAT_INTERVAL",  # seconds between signs of life of an open page
    "GRADIO_IS_E2E_TEST",  # tests: sessions are forgotten at once
)
OURS = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # no request leaves the machine
    "GRADIO_SSR_MODE": "False",  # no Node server stands before ours
    "GRADIO_RUN_HISTORY": "False",  # nobody can read what others have sent
    "MPLBACKEND": "agg",  # Gradio sets it around every event; named here, it need not look for screens
}


def prepare() -> None:
    """Called once, before Gradio is imported. ValueError, one sentence, where uploads have no place."""
    for name in [name for name in os.environ if name.startswith("GRADIO_") and name not in READ]:
        del os.environ[name]
    for name, value in OURS.items():
        if name.startswith("GRADIO_"):
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads())


def uploads() -> Path:
    """The folder for uploads: the one of GRADIO_TEMP_DIR, else one of this user's own in the system's temporary folder,
    so that two users of a computer do not meet. ValueError where it cannot be written."""
    given = os.environ.get("GRADIO_TEMP_DIR", "").strip()
    try:
        if not given:
            return _of_this_user(Path(tempfile.gettempdir()))
        folder = Path(given)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.resolve()
    except OSError as error:
        raise ValueError(
            f"uploads have no place: {given or 'the temporary folder'} cannot be written ({error.strerror or error}); "
            "name a folder of yours in the environment variable GRADIO_TEMP_DIR"
        ) from error


def _of_this_user(parent: Path) -> Path:
    """<parent>/gradio-<user>, made for this user only; where that name is somebody else's, a new one."""
    folder = parent / f"gradio-{_user()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        there = folder.lstat()
        own = not hasattr(os, "getuid") or there.st_uid == os.getuid()
        if stat.S_ISDIR(there.st_mode) and own:
            with tempfile.TemporaryFile(dir=folder):
                return folder.resolve()
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=f"gradio-{_user()}-", dir=parent)).resolve()


def _user() -> str:
    if hasattr(os, "getuid"):
        return str(os.getuid())
    return "".join(c for c in getpass.getuser() if c.isalnum()) or "user"
