"""How many CPU threads a run computes with: as many as it asks for, else as its work is worth.

More threads than that lose time: a call of a tiny network is over before a second thread is awake, and where another
program holds a core, every call waits for the thread that has none. And they change a run's numbers, since sums are
added in another order: a small run, with one thread everywhere, does not depend on how many cores a computer has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trm_explore.config import RunConfig
from trm_explore.model.cost import network_operations

# Operations of one call of the network, forward and for the whole batch, for which a thread more is worth it: every
# tiny preset has one thread (the largest, of the 9x9 Sudoku, has 0.9e9 a call), its small preset (1.3e9), which two
# threads compute up to 1.8 times as fast, has two (benchmarks/threads.py measures both).
OPERATIONS_A_THREAD = 6e8


def wanted_threads(config: RunConfig, processes: int = 1) -> int:
    """Threads for a run whose model has its vocab_size and seq_len (see tasks.resolve), in each of so many
    `processes`: the config's own number, else chosen from the config alone, never from the machine."""
    if config.train.threads:
        return config.train.threads
    rows = -(-config.train.batch_size // (processes * config.train.gradient_accumulation))
    return max(1, int(rows * network_operations(config.model) // OPERATIONS_A_THREAD))


def threads_of(config: RunConfig, processes: int = 1) -> int:
    """wanted_threads here and now: what is chosen is never more than PyTorch would take by itself (the cores, or
    OMP_NUM_THREADS, or torch.set_num_threads)."""
    wanted = wanted_threads(config, processes)
    return wanted if config.train.threads else min(wanted, torch.get_num_threads())


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """PyTorch computes with so many threads inside, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
