"""One training on several processes: what they tell each other. torch.distributed is used here only.

    torchrun --nproc_per_node=2 -m trm_explore train --task sudoku9

The batch stays that of the config: every process computes an equal part of it, in order of rank. Weights, optimiser,
random numbers and everything that a run reports are the same in all of them, so one process can write for all, and a
checkpoint can be resumed by another number of processes. SINGLE_PROCESS is one process; then nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn


class DistributedContext(NamedTuple):
    """This process, and how many there are."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes files."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """This process's share of n things that stand in a row; the shares differ by one at most."""
        return slice(n * self.rank // self.count, n * (self.rank + 1) // self.count)

    def gather(self, share: Tensor) -> Tensor:
        """All processes' tensors, of equal shapes, one after the other along the first axis."""
        if self.count == 1:
            return share
        sent = share.detach().contiguous()
        sent = sent.to(torch.uint8) if sent.dtype == torch.bool else sent
        parts = [torch.empty_like(sent) for _ in range(self.count)]
        dist.all_gather(parts, sent)
        return torch.cat(parts).to(share.dtype)

    def add(self, number: Tensor) -> Tensor:
        """The sum of all processes' tensors of equal shape; they are left as they are."""
        if self.count == 1:
            return number
        total = number.detach().clone()
        dist.all_reduce(total)
        return total

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Every gradient becomes the sum over processes, all in one message. To be called once, after the last of an
        update's backwards: hooks that reduce inside a backward would come too early in scope `cycle`, which has
        several."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))

    def agree(self, mine: bool, device: torch.device) -> bool:
        """Whether any process says so: all come to the same decision."""
        return bool(self.add(torch.tensor(int(mine), device=device)))


SINGLE_PROCESS = DistributedContext()


def share_of(batch_size: int, processes: DistributedContext) -> int:
    """Puzzles of the batch that each process computes; ValueError where they cannot be shared out equally."""
    if batch_size % processes.count:
        good = -(-batch_size // processes.count) * processes.count
        raise ValueError(
            f"batch_size={batch_size} cannot be shared out equally to {processes.count} processes; take {good}"
        )
    return batch_size // processes.count


@contextmanager
def joined(device: str) -> Iterator[DistributedContext]:
    """The processes that torchrun started, connected (gloo on CPUs, NCCL on CUDA, where each takes the GPU of its
    number on the machine); without torchrun one. `device`: the config's. ValueError where there are too few GPUs."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1 or "RANK" not in os.environ:
        yield SINGLE_PROCESS
        return
    cuda = device.split(":")[0] in ("auto", "cuda") and torch.cuda.is_available()
    if cuda:
        here, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if ":" in device:
            raise ValueError(f"device={device} is one GPU, but torchrun started {count} processes; take device=cuda")
        if here >= there:
            raise ValueError(
                f"torchrun started more processes than there are GPUs ({there}); give --nproc_per_node={there}"
            )
        torch.cuda.set_device(here)
    # Optimisers import this module, and a default of its functions is the group that exists when it is imported: that
    # one is then kept for good. Gloo's threads would outlive destroy_process_group, and one that still holds a tensor
    # when Python ends aborts the process. Imported before there is a group, it keeps none.
    from torch.distributed.nn import functional  # noqa: F401

    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield DistributedContext(dist.get_rank(), dist.get_world_size())
        dist.barrier()  # none leaves while another still waits for its last message
    finally:
        dist.destroy_process_group()
