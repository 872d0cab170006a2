"""What lies on disk: files that appear whole or not at all (whole.py), folders that one process writes (lock.py).

Every file that this package writes goes through `write_whole`, or into a folder that `new_folder` makes; a test finds
what does not. Nothing here knows of torch.
"""

from trm_explore.storage.lock import FolderLock
from trm_explore.storage.whole import new_folder, remove_leftovers, write_whole

__all__ = ["FolderLock", "new_folder", "remove_leftovers", "write_whole"]
