"""The network and how often it is applied. Paper symbols: `H_cycles` is T, `L_cycles` is n (arXiv 2510.04871)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trm_explore.checks import boolean, number, one_of, whole

Mixer = Literal["attention", "mlp", "conv"]
Positions = Literal["rope", "learned", "none"]
Dtype = Literal["float32", "bfloat16", "float16", "float64"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The network and how often it is applied; nothing about training."""

    vocab_size: int | None = None
    """Symbols, V. None: the task's."""
    seq_len: int | None = None
    """Positions, L. None: the task's."""
    H_cycles: int = 3
    """Outer recursions (the TRM paper's T): each gives one answer, one step."""
    L_cycles: int = 2
    """Inner updates of z_L in each outer recursion (the paper's n)."""
    L_layers: int = 1
    """Layers of the one shared network."""
    hidden_size: int = 64
    """Width, D."""
    expansion: float = 4.0
    """SwiGLU's inner width is 2/3 of expansion x its input width, rounded up to swiglu_multiple."""
    swiglu_multiple: int = 64
    """256 as published, 64 in our small presets."""
    num_heads: int = 4
    """Attention heads; must divide hidden_size."""
    mixer: Mixer = "mlp"
    """How positions talk to each other: attention, an MLP over positions, or a 3x3 convolution over the board."""
    pos_encodings: Positions = "rope"
    """rope acts in attention only; learned adds a vector to each position; none."""
    rms_norm_eps: float = 1e-5
    """Added to the mean square in RMSNorm."""
    rope_theta: float = 10000.0
    """RoPE's base."""
    causal: bool = False
    """Attention looks back only: position t sees the positions up to t. For attention."""
    input_size: int | None = None
    """The inputs are real vectors of this width (a linear layer brings them to hidden_size). None: the task's; tokens
    where it has none."""
    forward_dtype: Dtype = "float32"
    """Weights are cast to this in the forward pass (no autocast); parameters stay float32."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "seq_len", "input_size"):
            if getattr(self, name) is not None:
                whole(self, name, 1)
        for name in ("H_cycles", "L_cycles", "L_layers", "hidden_size", "swiglu_multiple", "num_heads"):
            whole(self, name, 1)
        number(self, "expansion", above=0, most=64)
        for name in ("rms_norm_eps", "rope_theta"):
            number(self, name, above=0)
        one_of(self, "mixer", Mixer)
        one_of(self, "pos_encodings", Positions)
        one_of(self, "forward_dtype", Dtype)
        boolean(self, "causal")
        if self.causal and self.mixer != "attention":
            raise ValueError(
                f"causal=True needs mixer=attention; mixer={self.mixer} mixes all positions with each other"
            )
        if self.hidden_size % self.num_heads:  # whatever the mixer: a run must stay one when its mixer is changed
            good = [h for h in (1, 2, 4, 8, 16) if self.hidden_size % h == 0]
            raise ValueError(
                f"num_heads={self.num_heads} does not divide hidden_size={self.hidden_size}; "
                f"try {' or '.join(map(str, good[-2:]))}"
            )
        width = self.hidden_size // self.num_heads
        if self.mixer == "attention" and self.pos_encodings == "rope" and width % 2:
            raise ValueError(
                f"rope needs an even width a head, but hidden_size={self.hidden_size} / num_heads={self.num_heads} "
                f"is {width}; change one of them or take pos_encodings=learned"
            )
