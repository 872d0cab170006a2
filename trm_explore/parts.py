"""The four parts of a run's config: model, supervision, training, data; frozen, checked when made. No torch.

Paper symbols: `H_cycles` is T, `L_cycles` is n, `supervision_steps` is N_sup (TRM, arXiv 2510.04871).
Every wrong value raises ValueError with one sentence: what, its value, what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trm_explore.checks import boolean, is_number, number, one_of, text, whole

Mixer = Literal["attention", "mlp", "conv"]
Positions = Literal["rope", "learned", "none"]
Schedule = Literal["constant", "linear_decay", "exponential_decay", "u_shaped", "front_loaded", "custom"]
Scope = Literal["auto", "last", "cycle", "full"]
Dtype = Literal["float32", "bfloat16", "float16", "float64"]
Preset = Literal["tiny", "small", "paper"]
Difficulty = Literal["any", "easy", "medium", "hard"]


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
    forward_dtype: Dtype = "float32"
    """Weights are cast to this in the forward pass (no autocast); parameters stay float32."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "seq_len"):
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


@dataclass(frozen=True, slots=True)
class SupervisionConfig:
    """Where the loss is put and how far it reaches back: two switches."""

    enable_deep_supervision: bool = False
    """A loss at every step (H-cycle), not only the last."""
    deep_supervision_weight: float = 0.5
    """Base weight of the intermediate losses (the final step's is 1)."""
    deep_supervision_schedule: Schedule = "constant"
    """How the steps' losses are weighted."""
    custom_weights: tuple[float, ...] = ()
    """One weight a step, for the schedule custom."""
    gradient_scope: Scope = "auto"
    """How far a loss reaches back: last H-cycle only, each its own cycle, or full; auto is last when supervision is
    off, else full."""

    def __post_init__(self) -> None:
        one_of(self, "deep_supervision_schedule", Schedule)
        one_of(self, "gradient_scope", Scope)
        boolean(self, "enable_deep_supervision")
        number(self, "deep_supervision_weight", least=0, most=1e30)
        weights = self.custom_weights
        if not isinstance(weights, (tuple, list)) or not all(map(is_number, weights)):
            raise ValueError(
                f"custom_weights={weights!r} must be a list of finite numbers, one a step, such as 0.3 0.4 1.0"
            )
        object.__setattr__(self, "custom_weights", tuple(float(w) for w in weights))
        if weights and (min(weights) < 0 or not any(weights)):
            raise ValueError(f"custom_weights={list(weights)} must be at least 0, and not all 0")
        if weights and not 1e-30 <= max(weights) <= 1e30:
            raise ValueError(f"custom_weights={list(weights)} must have a largest between 1e-30 and 1e30; scale them")
        if weights and self.deep_supervision_schedule != "custom":
            raise ValueError(
                f"custom_weights={list(weights)} are used only by the schedule custom, not by "
                f"{self.deep_supervision_schedule}; set deep_supervision_schedule=custom or leave them out"
            )
        if self.enable_deep_supervision and self.scope == "last" and weights and not weights[-1]:
            raise ValueError(
                f"custom_weights={list(weights)} end in 0, but with gradient_scope=last only the final step teaches; "
                "give it a weight, or take gradient_scope cycle or full"
            )

    @property
    def scope(self) -> Literal["last", "cycle", "full"]:
        """The gradient scope in force: auto resolved, and `cycle` without supervision is `last`."""
        if self.gradient_scope == "auto":
            return "full" if self.enable_deep_supervision else "last"
        if self.gradient_scope == "cycle" and not self.enable_deep_supervision:
            return "last"
        return self.gradient_scope


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Optimiser, length, evaluation and machine."""

    updates: int = 400
    """Optimiser updates in all."""
    batch_size: int = 32
    """Puzzles an update, B."""
    lr: float = 5e-3
    """Peak learning rate of AdamW."""
    lr_min_ratio: float = 0.1
    """The cosine ends at this part of lr."""
    warmup_updates: int = 30
    """Updates of linear warm-up."""
    weight_decay: float = 0.01
    """AdamW's decoupled weight decay."""
    beta1: float = 0.9
    """AdamW's first decay."""
    beta2: float = 0.95
    """AdamW's second decay."""
    grad_clip: float = 1.0
    """Largest gradient norm; larger ones are scaled down."""
    ema_decay: float = 0.999
    """Averaged weights, used for evaluation; warmed up as min(ema_decay, (1+t)/(10+t)). 0: no averaging."""
    supervision_steps: int | None = None
    """Updates a puzzle stays, its carry going on detached (N_sup). None: 1."""
    halt_max_steps: int | None = None
    """Adaptive halting on: a puzzle stays until the halting head says stop, at most this many updates. None: off."""
    halt_exploration_prob: float = 0.1
    """With halting on: the part of the puzzles that must stay a random number of updates."""
    halt_loss_weight: float = 0.5
    """Weight of the halting head's loss ("is the whole answer right?") beside the answer's."""
    seed: int = 0
    """Weights, data order and exploration all follow from it."""
    device: str = "auto"
    """cpu, cuda, mps, or auto: the best one that is there."""
    threads: int = 0
    """CPU threads that torch computes with; 0 leaves torch's own choice. Part of the run: sums depend on it in the
    last bits."""
    eval_every: int = 50
    """Updates between evaluations on held-out puzzles (the last update is always evaluated). 0: only the last."""
    eval_puzzles: int = 256
    """Held-out puzzles in an evaluation."""
    frame_every: int = 25
    """Updates between recorded trajectories of one held-out puzzle. 0: none."""
    shown_puzzle: int | None = None
    """Which held-out puzzle (from 0) is recorded. None: of those in an evaluation the one with the fewest givens."""
    save_every: int = 200
    """Updates between checkpoints, where there is an out folder (the end is always saved). 0: only the end."""

    def __post_init__(self) -> None:
        for name in ("updates", "batch_size", "eval_puzzles"):
            whole(self, name, 1)
        for name in ("warmup_updates", "seed", "threads", "eval_every", "frame_every", "save_every"):
            whole(self, name, 0)
        if self.shown_puzzle is not None:
            whole(self, "shown_puzzle", 0)
        for name in ("supervision_steps", "halt_max_steps"):
            if getattr(self, name) is not None:
                whole(self, name, 1)
        for name in ("lr", "grad_clip"):
            number(self, name, above=0)
        for name in ("weight_decay", "halt_loss_weight"):
            number(self, name, least=0)
        for name in ("lr_min_ratio", "halt_exploration_prob"):
            number(self, name, least=0, most=1)
        for name in ("beta1", "beta2", "ema_decay"):
            number(self, name, least=0, below=1)
        text(self, "device")
        if self.device != "auto" and self.device.split(":")[0] not in ("cpu", "cuda", "mps"):
            raise ValueError(f"device={self.device!r} is not known; allowed are auto, cpu, cuda, cuda:N, mps")
        both = (self.supervision_steps, self.halt_max_steps)
        if None not in both and both[0] != both[1]:
            raise ValueError(
                f"supervision_steps={both[0]} and halt_max_steps={both[1]} both say how long a puzzle stays; "
                "give one of them, or the same number twice"
            )

    @property
    def steps_limit(self) -> int:
        """The most updates one puzzle stays in the carry."""
        return self.halt_max_steps or self.supervision_steps or 1


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which puzzles."""

    data: str = ""
    """Own puzzles: a CSV with the columns question and answer, or a text file with one puzzle a line. Empty: the
    task's own."""
    eval_data: str = ""
    """A second such file for evaluation. Empty: a split of the first."""
    difficulty: Difficulty = "any"
    """A rough dial: fewer givens are harder."""
    pool_size: int = 0
    """Generate (once, then cached) a pool of this many puzzles. 0: what ships with the project."""

    def __post_init__(self) -> None:
        text(self, "data")
        text(self, "eval_data")
        one_of(self, "difficulty", Difficulty)
        whole(self, "pool_size", 0)
        if self.eval_data and not self.data:
            raise ValueError(f"eval_data={self.eval_data!r} needs data too: the puzzles to train on")
