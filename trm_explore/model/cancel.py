"""Ending a computation in the middle: a check that is made before every call of a network.

def check():
    if time.monotonic() > end: raise TimeoutError

with cancel_check(check):
    record(model, batch, H_cycles=64)         # ends with check's exception
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("cancel_check", default=None)


@contextmanager
def cancel_check(check: Callable[[], None]) -> Iterator[None]:
    """Inside, `check` is called before every call of a network that this thread begins, also of those computed again in
    a backward; what it raises comes out of the computation. A check around this one is made, too."""
    outer = _CHECK.get()

    def both() -> None:
        if outer is not None:
            outer()
        check()

    token = _CHECK.set(both)
    try:
        yield
    finally:
        _CHECK.reset(token)


def present_check() -> Callable[[], None] | None:
    """The check in force. A recursion takes it when it begins, because its backward may run in another thread."""
    return _CHECK.get()
