"""The network and how often it is applied. Paper symbols: `H_cycles` is T, `L_cycles` is n (arXiv 2510.04871)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trm_explore.config.checks import boolean, number, one_of, whole
from trm_explore.config.mixers import MIXERS, Mixer

if TYPE_CHECKING:
    MixerName = str
else:
    MixerName = Literal[tuple(MIXERS)]
Positions = Literal["rope", "learned", "none"]
Dtype = Literal["float32", "bfloat16", "float16", "float64"]
Networks = Literal["shared", "two"]
States = Literal["two", "one"]
MixNorm = Literal["width", "positions"]


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
    """Layers of the one shared network (with networks=two: of the L network)."""
    networks: Networks = "shared"
    """One network for z_L and z_H, as in TRM, or two, as in HRM."""
    H_layers: int | None = None
    """Layers of the H network, with networks=two. None: L_layers."""
    states: States = "two"
    """Answer and latent state, or one state that is both (TRM's single-z ablation, the Universal Transformer's way)."""
    hidden_size: int = 64
    """Width, D."""
    expansion: float = 4.0
    """SwiGLU's inner width is 2/3 of expansion x its input width, rounded up to swiglu_multiple."""
    swiglu_multiple: int = 64
    """256 as published, 64 in our small presets."""
    num_heads: int = 4
    """Attention heads; must divide hidden_size."""
    mixer: MixerName = "mlp"
    """How positions talk to each other: attention, an MLP over positions, or a 3x3 convolution over the board."""
    mix_norm: MixNorm = "width"
    """What RMSNorm after the mixing MLP runs over: a position's width, or a channel's positions, as in the published
    mlp_t. For mlp."""
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
    puzzle_emb_len: int = 0
    """Positions put before the puzzle's own; they hold the puzzle's vector. 16 as published with TRM, 1 with HRM."""
    num_puzzle_identifiers: int = 0
    """Rows of the table of puzzle vectors (a batch's puzzle_identifiers choose; none given: row 0). 0: no table, the
    prefix starts empty."""
    puzzle_emb_ndim: int | None = None
    """Width of such a vector; it fills the prefix from its start. None: hidden_size."""
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
        one_of(self, "mixer", MixerName)
        one_of(self, "pos_encodings", Positions)
        one_of(self, "forward_dtype", Dtype)
        one_of(self, "networks", Networks)
        one_of(self, "states", States)
        one_of(self, "mix_norm", MixNorm)
        boolean(self, "causal")
        self._check_variant()
        if self.causal and not self.mixing.attends:
            raise ValueError(
                f"causal=True needs mixer={_with('attends')}; mixer={self.mixer} mixes all positions with each other"
            )
        if self.hidden_size % self.num_heads:  # whatever the mixer: a run must stay one when its mixer is changed
            good = [h for h in (1, 2, 4, 8, 16) if self.hidden_size % h == 0]
            raise ValueError(
                f"num_heads={self.num_heads} does not divide hidden_size={self.hidden_size}; "
                f"try {' or '.join(map(str, good[-2:]))}"
            )
        width = self.hidden_size // self.num_heads
        if self.mixing.attends and self.pos_encodings == "rope" and width % 2:
            raise ValueError(
                f"rope needs an even width a head, but hidden_size={self.hidden_size} / num_heads={self.num_heads} "
                f"is {width}; change one of them or take pos_encodings=learned"
            )

    def _check_variant(self) -> None:
        for name, least, most in (("puzzle_emb_len", 0, 10_000), ("num_puzzle_identifiers", 0, 10**8)):
            whole(self, name, least)
            number(self, name, most=most)
        for name, most in (("H_layers", 100), ("puzzle_emb_ndim", 10**6)):
            if getattr(self, name) is not None:
                whole(self, name, 1)
                number(self, name, most=most)
        if self.H_layers is not None and self.networks == "shared":
            raise ValueError(f"H_layers={self.H_layers} needs networks=two; one shared network has L_layers")
        if self.states == "one" and self.networks == "two":
            raise ValueError("networks=two needs states=two: with one state a second network has nothing to do")
        if self.mix_norm == "positions" and not self.mixing.norm_over_positions:
            raise ValueError(
                f"mix_norm=positions needs mixer={_with('norm_over_positions')}, not {self.mixer}; take mix_norm=width"
            )
        if self.puzzle_emb_len and not self.mixing.any_positions:
            raise ValueError(
                f"puzzle_emb_len={self.puzzle_emb_len} has no place on the board of mixer={self.mixer}; "
                f"take mixer={_with('any_positions')}"
            )
        room = self.puzzle_emb_len * self.hidden_size
        if self.num_puzzle_identifiers and self.puzzle_width > room:
            raise ValueError(
                f"puzzle_emb_len={self.puzzle_emb_len} positions hold {room} numbers, but a puzzle's vector has "
                f"{self.puzzle_width}; give a larger puzzle_emb_len"
            )

    @property
    def mixing(self) -> Mixer:
        """What is known of its mixer."""
        return MIXERS[self.mixer]

    @property
    def fixed_length(self) -> bool:
        """Whether the network takes boards of one number of positions only."""
        return self.mixing.fixed_length or self.pos_encodings == "learned"

    def inner_width(self, width: int) -> int:
        """SwiGLU's inner width: 2/3 of expansion x width, rounded up to swiglu_multiple."""
        return -(-round(self.expansion * width * 2 / 3) // self.swiglu_multiple) * self.swiglu_multiple

    @property
    def puzzle_width(self) -> int:
        """Numbers in a puzzle's vector."""
        return self.puzzle_emb_ndim or self.hidden_size

    @property
    def positions(self) -> int | None:
        """Positions that the network sees: the prefix and the puzzle's own."""
        return None if self.seq_len is None else self.puzzle_emb_len + self.seq_len


def _with(trait: str) -> str:
    """The mixers that have a trait: "attention or mlp"."""
    return " or ".join(name for name, mixer in MIXERS.items() if getattr(mixer, trait))
