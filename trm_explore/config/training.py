"""Optimiser, length, halting, memory, evaluation, machine. `supervision_steps` is N_sup (TRM, arXiv 2510.04871)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trm_explore.config.checks import boolean, number, one_of, shown, text, whole

OPTIONAL_COUNTS = (
    "supervision_steps",
    "halt_max_steps",
    "min_H_cycles",
    "min_L_cycles",
    "num_epochs",
    "eval_H_cycles",
)
Checkpointing = Literal["none", "cycle", "call"]
Loss = Literal["softmax", "stablemax"]
Optimizer = Literal["adamw", "adam_atan2"]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Optimiser, length, evaluation and machine."""

    updates: int = 400
    """Optimiser updates in all."""
    batch_size: int = 32
    """Puzzles an update, B."""
    gradient_accumulation: int = 1
    """Parts that an update's batch is computed in, one after the other: same gradients, less memory."""
    optimizer: Optimizer = "adamw"
    """adamw, or adam_atan2 (no epsilon; published with HRM and TRM; needs the extra adam-atan2)."""
    lr: float = 5e-3
    """Peak learning rate."""
    lr_min_ratio: float = 0.1
    """The cosine ends at this part of lr. 1: constant after the warm-up, as published."""
    warmup_updates: int = 30
    """Updates of linear warm-up."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    beta1: float = 0.9
    """The optimiser's first decay."""
    beta2: float = 0.95
    """The optimiser's second decay."""
    loss: Loss = "softmax"
    """What turns logits into probabilities under cross-entropy; stablemax as published (training/losses.py). Tasks of
    numbers have squared error."""
    puzzle_emb_lr: float = 1e-2
    """Learning rate of the table of puzzle vectors (SignSGD, with lr's warm-up and cosine). 0: it stays."""
    puzzle_emb_weight_decay: float = 0.1
    """Decoupled decay of the table's rows in a batch."""
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
    min_H_cycles: int | None = None
    """Every update draws its H-cycles from this number to H_cycles. None: always H_cycles."""
    min_L_cycles: int | None = None
    """Every update draws its L-cycles from this number to L_cycles. None: always L_cycles."""
    num_epochs: int | None = None
    """Passes over the training windows of the task embeddings; sets updates. None: updates say how long."""
    truncation_length: int = 8
    """Positions that a gradient runs back through where positions are visited one by one (the task embeddings with
    causal off)."""
    activation_checkpointing: Checkpointing = "none"
    """Keep less for backward and compute it again: cycle keeps the states between H-cycles, call those between calls
    of the network. Same gradients, more time."""
    gradient_every: int = 0
    """Updates between measurements of the gradient that each step's loss alone sends back. 0: none."""
    seed: int = 0
    """Weights, data order and exploration all follow from it."""
    compile: bool = False
    """Let torch.compile make the network's call faster: a minute or so before the first update, then less time each.
    Where that cannot be done, the run says so and goes on without."""
    device: str = "auto"
    """cpu, cuda, mps, or auto: the best one that is there."""
    threads: int = 0
    """CPU threads that torch computes with. 0: as many as the size of the work is worth, one for every tiny preset, and
    no more than there are cores. Part of the run: sums depend on it in the last bits."""
    eval_every: int = 50
    """Updates between evaluations on held-out puzzles (the last update is always evaluated). 0: only the last."""
    eval_puzzles: int = 256
    """Held-out puzzles in an evaluation."""
    eval_H_cycles: int | None = None
    """Steps in evaluations and recordings, also more than in training. None: as many as training gives a puzzle."""
    frame_every: int = 25
    """Updates between recorded trajectories of one held-out puzzle. 0: none."""
    shown_puzzle: int | None = None
    """Which held-out puzzle (from 0) is recorded. None: of those in an evaluation the one with the fewest givens."""
    save_every: int = 200
    """Updates between checkpoints, where there is an out folder (the end is always saved). 0: only the end."""

    def __post_init__(self) -> None:
        for name in ("updates", "batch_size", "eval_puzzles"):
            whole(self, name, 1)
        for name in ("warmup_updates", "seed", "threads", "eval_every", "frame_every", "save_every", "gradient_every"):
            whole(self, name, 0)
        whole(self, "gradient_accumulation", 1)
        if self.gradient_accumulation > self.batch_size:
            raise ValueError(
                f"gradient_accumulation={self.gradient_accumulation} is more than batch_size={self.batch_size}; "
                "a part must hold a puzzle"
            )
        boolean(self, "compile")
        if self.shown_puzzle is not None:
            whole(self, "shown_puzzle", 0)
        whole(self, "truncation_length", 1)
        one_of(self, "activation_checkpointing", Checkpointing)
        one_of(self, "loss", Loss)
        one_of(self, "optimizer", Optimizer)
        for name in OPTIONAL_COUNTS:
            if getattr(self, name) is not None:
                whole(self, name, 1)
        for name in ("lr", "grad_clip"):
            number(self, name, above=0)
        for name in ("weight_decay", "halt_loss_weight", "puzzle_emb_lr", "puzzle_emb_weight_decay"):
            number(self, name, least=0)
        for name in ("lr_min_ratio", "halt_exploration_prob"):
            number(self, name, least=0, most=1)
        for name in ("beta1", "beta2", "ema_decay"):
            number(self, name, least=0, below=1)
        text(self, "device")
        if self.device != "auto" and self.device.split(":")[0] not in ("cpu", "cuda", "mps"):
            raise ValueError(f"device={shown(self.device)} is not known; allowed are auto, cpu, cuda, cuda:N, mps")
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
