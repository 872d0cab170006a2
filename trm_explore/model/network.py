"""The tiny network: a few layers of (token mixing, SwiGLU), each followed by RMSNorm. It knows nothing of recursion.

Token mixing by attention (RoPE), by an MLP over positions (TRM's `mlp_t`, arXiv 2510.04871 section 4.5) or by a 3x3
convolution over the board (ours, for tasks in which a change spreads like a wave). Weights are kept in float32 and
cast to the state's dtype where they are used, as in the published code. Shapes: B batch, L positions, D width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_explore.config import ModelConfig


def trunc_normal(*shape: int, std: float, generator: torch.Generator) -> Tensor:
    """Normal numbers of standard deviation `std` after truncation at two sigmas (as in JAX, and in the published
    code)."""
    lower, upper = math.erf(-math.sqrt(2.0)), math.erf(math.sqrt(2.0))  # erf(z / sqrt 2) at z = -2, 2
    # Truncation at 2 sigma shrinks the spread; this is the deviation left of a unit normal, divided out again.
    left = math.sqrt(1 - 4 * math.exp(-2) / (math.sqrt(2 * math.pi) * (upper - lower) / 2))
    uniform = torch.empty(shape).uniform_(lower, upper, generator=generator)
    return (torch.erfinv(uniform) * (math.sqrt(2.0) * std / left)).clamp_(-2 * std / left, 2 * std / left)


def rms_norm(x: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps) over the last axis, computed in float32, without a gain."""
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


class Linear(nn.Module):
    """y = x W^T + b with W cast to x's dtype."""

    def __init__(self, fan_in: int, fan_out: int, generator: torch.Generator, bias: bool = False):
        super().__init__()
        self.weight = nn.Parameter(trunc_normal(fan_out, fan_in, std=fan_in**-0.5, generator=generator))
        self.bias = nn.Parameter(torch.zeros(fan_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)); gate and up are one matrix, gate first."""

    def __init__(self, width: int, config: ModelConfig, generator: torch.Generator):
        super().__init__()
        inner = config.inner_width(width)
        self.gate_up_proj = Linear(width, 2 * inner, generator)
        self.down_proj = Linear(inner, width, generator)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class Attention(nn.Module):
    """Multi-head self-attention over all positions, or causal: over those up to its own; rotary positions where the
    config says rope."""

    def __init__(self, config: ModelConfig, generator: torch.Generator):
        super().__init__()
        self.heads, self.rope = config.num_heads, config.pos_encodings == "rope"
        self.theta, self.causal = config.rope_theta, config.causal
        self.qkv_proj = Linear(config.hidden_size, 3 * config.hidden_size, generator)
        self.o_proj = Linear(config.hidden_size, config.hidden_size, generator)

    def forward(self, x: Tensor, board: tuple[int, int] | None) -> Tensor:
        B, L, D = x.shape
        q, k, v = (
            self.qkv_proj(x).view(B, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        )  # each (B, heads, L, d)
        if self.rope:
            cos, sin = rotary(L, D // self.heads, self.theta, x.device)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.o_proj(mixed.transpose(1, 2).reshape(B, L, D))


def rotary(length: int, width: int, theta: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin, each (L, d), halves repeated (half-split convention, as published)."""
    frequency = theta ** (-torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)
    angle = torch.outer(torch.arange(length, device=device, dtype=torch.float32), frequency).repeat(1, 2)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the pairs (x_i, x_{i+d/2}) of (..., L, d) by the positions' angles."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class MixMLP(nn.Module):
    """A SwiGLU over the positions, the same for every channel; its weights are bound to one length."""

    def __init__(self, config: ModelConfig, generator: torch.Generator):
        super().__init__()
        self.mlp_t = SwiGLU(config.positions, config, generator)

    def forward(self, x: Tensor, board: tuple[int, int] | None) -> Tensor:
        return self.mlp_t(x.transpose(1, 2)).transpose(1, 2)


class MixConv(nn.Module):
    """A 3x3 convolution over the board (rows, cols), zero outside it; any board size."""

    def __init__(self, config: ModelConfig, generator: torch.Generator):
        super().__init__()
        D = config.hidden_size
        self.weight = nn.Parameter(trunc_normal(D, D, 3, 3, std=(9 * D) ** -0.5, generator=generator))

    def forward(self, x: Tensor, board: tuple[int, int] | None) -> Tensor:
        B, L, D = x.shape
        rows, cols = board_shape(L, board)
        grid = F.conv2d(x.transpose(1, 2).reshape(B, D, rows, cols), self.weight.to(x.dtype), padding=1)
        return grid.reshape(B, D, L).transpose(1, 2)


def board_shape(length: int, board: tuple[int, int] | None) -> tuple[int, int]:
    """(rows, cols) of the batch; a square where the batch does not say."""
    rows, cols = board or (math.isqrt(length), math.isqrt(length))
    if rows * cols != length:
        raise ValueError(
            f"a 3x3 convolution needs the board's shape: {length} positions are not {rows} x {cols}; "
            "give the batch an entry board=(rows, cols)"
        )
    return rows, cols


MIXERS: dict[str, type[nn.Module]] = {"attention": Attention, "mlp": MixMLP, "conv": MixConv}


class Layer(nn.Module):
    """Mix positions, then channels; post-norm: x = norm(x + f(x)). With mix_norm=positions the first norm runs over the
    positions, as in the published mlp_t."""

    def __init__(self, config: ModelConfig, generator: torch.Generator):
        super().__init__()
        self.eps, self.across = config.rms_norm_eps, config.mix_norm == "positions"
        self.mix = MIXERS[config.mixer](config, generator)
        self.mlp = SwiGLU(config.hidden_size, config, generator)

    def forward(self, x: Tensor, board: tuple[int, int] | None) -> Tensor:
        x = x + self.mix(x, board)
        x = rms_norm(x.transpose(1, 2), self.eps).transpose(1, 2) if self.across else rms_norm(x, self.eps)
        return rms_norm(x + self.mlp(x), self.eps)


class TinyNetwork(nn.Module):
    """Layers (None: `L_layers`); the one network that every L-cycle and H-cycle calls, or with networks=two one of the
    two. (B, L, D) -> (B, L, D)."""

    def __init__(self, config: ModelConfig, generator: torch.Generator, layers: int | None = None):
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, generator) for _ in range(layers or config.L_layers))

    def forward(self, x: Tensor, board: tuple[int, int] | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, board)
        return x
