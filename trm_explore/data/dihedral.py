"""The eight ways to turn and mirror a board, numbered as the published data sets number them.

0 as it is; 1, 2, 3 turned left by 90, 180, 270 degrees; 4 mirrored left-right; 5 up-down; 6 over the main diagonal;
7 over the other one.

>>> import numpy as np
>>> turned(np.array([[1, 2], [3, 4]]), 1)
array([[2, 4],
       [1, 3]])
"""

from __future__ import annotations

import numpy as np

WAYS = 8
BACK = (0, 3, 2, 1, 4, 5, 6, 7)  # the way that undoes each


def turned(boards: np.ndarray, way: int) -> np.ndarray:
    """(.., R, C) -> (.., R, C), or (.., C, R) for the ways 1, 3, 6 and 7; a view."""
    if way < 4:
        return np.rot90(boards, way, axes=(-2, -1))
    if way == 4:
        return boards[..., ::-1]
    if way == 5:
        return boards[..., ::-1, :]
    if way == 6:
        return boards.swapaxes(-1, -2)
    return boards[..., ::-1, ::-1].swapaxes(-1, -2)


def turned_back(boards: np.ndarray, way: int) -> np.ndarray:
    """What `turned` with the same way was given."""
    return turned(boards, BACK[way])
