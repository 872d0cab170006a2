"""torch.compile of the network's call, tried out before a run relies on it."""

from __future__ import annotations

import torch
from torch import nn

from trm_explore.model.recursion import RecursiveModel


def compile_network(model: RecursiveModel, batch_size: int, board: tuple[int, int]) -> str:
    """Compiles the call of the tiny network, in place, for batches of this size with and without gradient, which takes
    a while. Returns "", or why that cannot be done here, in one sentence; the model is then as it was."""
    networks = [net for net in (model.net, model.net_H) if net is not None]
    shape = batch_size, model.config.positions, model.config.hidden_size
    try:
        for net in networks:
            net.compile(dynamic=False)
            _try_out(net, torch.ones(shape, dtype=model.dtype, device=model.H_init.device), board)
    except Exception as error:  # the compiler, its backend and the C++ compiler each raise their own
        for net in networks:
            net._compiled_call_impl = None
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        return f"compile=True cannot be had here ({reason}); the run goes on without it"
    finally:
        model.zero_grad()
    return ""


def _try_out(net: nn.Module, z: torch.Tensor, board: tuple[int, int]) -> None:
    """Both kinds of call that training makes: the first of each is when the work is done."""
    with torch.enable_grad():
        net(z.requires_grad_(), board).float().sum().backward()
    with torch.no_grad():
        net(z.detach(), board)
