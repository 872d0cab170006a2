"""What lies on disk: files that appear whole or not at all (whole.py), folders that one process writes (lock.py).
What comes from outside is held to what can be before anything is computed: JSON and values by their type hints
(untrusted.py), NumPy arrays (npy.py).

Every file that this package writes goes through `write_whole`, or into a folder that `new_folder` makes; a test finds
what does not. Nothing here knows of torch.
"""

from trm_explore.storage.lock import FolderLock
from trm_explore.storage.npy import read_npy
from trm_explore.storage.untrusted import Deadline, Range, conform, parse_json
from trm_explore.storage.whole import new_folder, remove_leftovers, write_whole

__all__ = [
    "Deadline",
    "FolderLock",
    "Range",
    "conform",
    "new_folder",
    "parse_json",
    "read_npy",
    "remove_leftovers",
    "write_whole",
]
