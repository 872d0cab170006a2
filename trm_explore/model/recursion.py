"""The recursion: two states, one shared tiny network (TRM, arXiv 2510.04871, with HRM's carry, arXiv 2506.21734).

    z_L = net(z_L + z_H + x)   L_cycles times (the paper's z, n)          z_H = net(z_H + z_L)   once (the paper's y)

repeated H_cycles (T) times. `model.cycles` is the one loop: the forward call, training, recording all use it.
Variants: networks=two gives z_H a network of its own (HRM); states=one has z = net(z + x), then z = net(z); a prefix of
puzzle_emb_len positions holds a vector of each puzzle (puzzle_embedding.py).

    model = RecursiveModel(ModelConfig(vocab_size=6, seq_len=16))
    carry = model.initial_carry(batch)                       # batch: inputs (B, L), labels (B, L)
    carry, outputs = model(carry, batch, enable_deep_supervision=True)
    outputs["intermediate_logits"]                           # S tensors (B, L, V), the last is outputs["logits"]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trm_explore.config import ModelConfig, RunConfig, SupervisionConfig, TrainConfig
from trm_explore.model.cancel import present_check
from trm_explore.model.carry import Batch, Carry, Cycle, board_of, lead_of, position_of, to_device
from trm_explore.model.network import Linear, TinyNetwork, trunc_normal
from trm_explore.model.puzzle_embedding import EmbeddingRows, empty_table, prefix, rows_of

# The guide's flat dict describes a network with attention; its own width rounding is the published one.
GUIDE_DEFAULTS = {"mixer": "attention", "swiglu_multiple": 256}


class RecursiveModel(nn.Module):
    """A Tiny Recursive Model. `config` is a ModelConfig, or the guide's flat dict, which is then split.

    `seed` draws the weights from a generator of their own; torch's global one is left alone.
    """

    H_init: Tensor  # (D,) the states that a puzzle starts from
    L_init: Tensor
    puzzle_emb: Tensor | None  # (rows, width) vectors of puzzles, where there are any

    def __init__(
        self,
        config: ModelConfig | dict[str, Any],
        supervision: SupervisionConfig | None = None,
        train: TrainConfig | None = None,
        seed: int = 0,
    ):
        super().__init__()
        if isinstance(config, dict):
            run = RunConfig.from_flat({**GUIDE_DEFAULTS, **config})
            config, supervision, train = run.model, supervision or run.supervision, train or run.train
        D, V, positions = config.hidden_size, config.vocab_size, config.positions
        if V is None or positions is None:
            name = "vocab_size" if V is None else "seq_len"
            raise ValueError(f"{name} is not set; give it, or let tasks.resolve fill it in from a task")
        self.config, self.supervision = config, supervision or SupervisionConfig()
        self.train_config = train or TrainConfig()
        self.dtype = getattr(torch, config.forward_dtype)
        generator = torch.Generator().manual_seed(seed)
        if config.input_size is None:
            self.embed_tokens = nn.Parameter(trunc_normal(V, D, std=D**-0.5, generator=generator))
        else:
            self.embed_input = Linear(config.input_size, D, generator, bias=True)
        self.embed_pos = None
        if config.pos_encodings == "learned":
            self.embed_pos = nn.Parameter(trunc_normal(positions, D, std=D**-0.5, generator=generator))
        self.net = TinyNetwork(config, generator)
        self.lm_head = Linear(D, V, generator)
        # Row 0 says halt; row 1 (continue) keeps the published shape and is not read. Starts at "almost surely go on".
        self.q_head = Linear(D, 2, generator, bias=True)
        with torch.no_grad():
            for parameter, value in zip(self.q_head.parameters(), (0.0, -5.0), strict=True):  # weight, bias
                parameter.fill_(value)
        # Buffers, not parameters: in some gradient scopes no gradient would reach them, which makes comparisons unfair.
        # With states=one only L_init is read.
        self.register_buffer("H_init", trunc_normal(D, std=1.0, generator=generator))
        self.register_buffer("L_init", trunc_normal(D, std=1.0, generator=generator))
        # What variants add comes last, so that it does not change the random numbers of the rest.
        self.net_H = None if config.networks == "shared" else TinyNetwork(config, generator, config.H_layers)
        rows = config.num_puzzle_identifiers
        self.register_buffer("puzzle_emb", empty_table(rows, config.puzzle_width) if rows else None)

    def __repr__(self) -> str:
        c = self.config
        n = sum(p.numel() for p in self.parameters())
        return (
            f"RecursiveModel({n:,} weights, {c.mixer}, D={c.hidden_size}, H_cycles={c.H_cycles}, L_cycles={c.L_cycles})"
        )

    def initial_carry(self, batch: Batch) -> Carry:
        """A carry in which every puzzle has halted, so that the first call starts them all."""
        B, L = lead_of(batch, self.config)
        L += self.config.puzzle_emb_len
        zeros = torch.zeros(B, L, self.config.hidden_size, dtype=self.dtype, device=self.H_init.device)
        steps = torch.zeros(B, dtype=torch.long, device=zeros.device)
        return Carry(zeros, zeros, steps, torch.ones_like(steps, dtype=torch.bool), to_device(batch, zeros.device))

    def start(self, carry: Carry, batch: Batch) -> Carry:
        """The carry in which halted puzzles are replaced by the batch's, their states and step counts by fresh ones."""
        there = len(carry.z_H), carry.z_H.shape[1] - self.config.puzzle_emb_len
        if lead_of(batch, self.config) != there:
            raise ValueError(
                f"the batch's shape {lead_of(batch, self.config)} is not the carry's {there}; "
                "make a new one with model.initial_carry(batch)"
            )
        new, batch = carry.halted.view(-1, 1, 1), to_device(batch, self.H_init.device)
        data = {
            name: torch.where(carry.halted.view(-1, *[1] * (value.dim() - 1)), value, carry.data.get(name, value))
            if isinstance(value, Tensor)
            else value
            for name, value in batch.items()
        }
        z_L = torch.where(new, self.L_init.to(self.dtype), carry.z_L)
        return Carry(
            z_L if self.config.states == "one" else torch.where(new, self.H_init.to(self.dtype), carry.z_H),
            z_L,
            torch.where(carry.halted, 0, carry.steps),
            torch.zeros_like(carry.halted),
            data,
        )

    def cycles(
        self,
        carry: Carry,
        batch: Batch | None = None,
        *,
        H_cycles: int | None = None,
        L_cycles: int | None = None,
        gradient_scope: str = "full",
        checkpointing: str = "none",
        read_L: bool = False,
    ) -> Iterator[Cycle]:
        """Yields one Cycle after every H-cycle. With a batch, `start` comes first.

        gradient_scope: `last` computes all but the final cycle without gradient, `one_step` also that cycle's L-cycles
        but the last; `cycle` detaches the states between cycles, so that whoever calls backward on each Cycle before
        asking for the next holds one cycle's activations; `full` detaches nothing. checkpointing: what is saved for
        backward, `none` (everything), `cycle` (the states between H-cycles) or `call` (the states between network
        calls); the rest is computed again. `read_L` fills L_logits. More or fewer cycles than configured are allowed.
        `cancel_check` (cancel.py) stops it before any call of the network, also before those computed again.
        """
        if batch is not None:
            carry = self.start(carry, batch)
        n_H, n_L = H_cycles or self.config.H_cycles, L_cycles or self.config.L_cycles
        z_H, z_L, board = carry.z_H, carry.z_L, board_of(carry.data)
        one_state, P = self.config.states == "one", self.config.puzzle_emb_len
        check = present_check()
        only_last = n_L - 1 if gradient_scope == "one_step" else 0  # L-cycles before it are computed without gradient

        def call(z: Tensor, net: TinyNetwork) -> Tensor:
            if check is not None:
                check()
            called: Tensor = net(z, board)
            return called

        def checkpointed(unit: str, function: Callable[..., Any], *inputs: Any) -> Any:
            if checkpointing != unit or not torch.is_grad_enabled():
                return function(*inputs)
            return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)

        def read(z: Tensor) -> Tensor:
            logits: Tensor = self.lm_head(z[:, P:])
            return logits.float()

        def one_cycle(z_H: Tensor, z_L: Tensor) -> tuple[Any, ...]:
            x = self.embed(carry.data)  # anew each cycle: cheaper than keeping its graph over several backwards
            latents = []
            for done in range(n_L):
                with torch.set_grad_enabled(torch.is_grad_enabled() and done >= only_last):
                    z_L = checkpointed(
                        "call", call, z_L + x if one_state else z_L + z_H + x, self.net
                    )  # z <- net(x + y + z)
                    if read_L:
                        latents.append(read(z_L))
            z_H = checkpointed("call", call, z_L if one_state else z_H + z_L, self.net_H or self.net)  # y <- net(y + z)
            z_L = z_H if one_state else z_L
            return z_H, z_L, read(z_H), self.q_head(z_H[:, 0])[:, 0].float(), tuple(latents)

        for index in range(n_H):
            if gradient_scope != "full":
                z_H, z_L = z_H.detach(), z_L.detach()
            silent = gradient_scope in ("last", "one_step") and index < n_H - 1
            # Never suspended inside the block: the consumer's own gradient mode is not touched.
            with torch.set_grad_enabled(torch.is_grad_enabled() and not silent):
                cycle = Cycle(index, *checkpointed("cycle", one_cycle, z_H, z_L))
            z_H, z_L = cycle.z_H, cycle.z_L
            yield cycle

    def embed(self, data: Batch) -> Tensor:
        """x (B, P + L, D): sqrt(D) x token vectors; or real inputs, through a linear layer where the config has an
        input_size and as they are where it has none; before them the puzzle's vector, if there is a prefix; plus
        learned positions where configured."""
        scale = 1.0
        if self.config.input_size is not None:
            x: Tensor = self.embed_input(data["input_embeddings"].to(self.dtype))
        elif "input_embeddings" in data:
            x = data["input_embeddings"].to(self.dtype)
        else:
            scale = math.sqrt(self.config.hidden_size)
            x = scale * nn.functional.embedding(data["inputs"], self.embed_tokens.to(self.dtype))
        if self.config.puzzle_emb_len:
            rows = data.get("puzzle_rows")  # of this update; else read from the table
            if rows is None:
                rows = x.new_zeros(len(x), 0) if self.puzzle_emb is None else self.puzzle_emb[_identifiers(data, x)]
            first = prefix(rows.to(x.dtype), self.config.puzzle_emb_len, self.config.hidden_size)
            x = torch.cat((scale * first, x), 1)
        if self.embed_pos is not None:
            x = math.sqrt(0.5) * (x + scale * self.embed_pos[: x.shape[1]].to(self.dtype))
        return x

    def puzzle_rows(self, data: Batch) -> EmbeddingRows | None:
        """The table's rows of these puzzles, to be trained: put `values` into the batch as puzzle_rows."""
        return None if self.puzzle_emb is None else rows_of(self.puzzle_emb, _identifiers(data, data["labels"]))

    def finish(self, carry: Carry, cycle: Cycle, generator: torch.Generator | None = None) -> Carry:
        """The carry after a call: states detached, one step more, and who has halted.

        A puzzle halts at the step limit (train_config.steps_limit). In training with halt_max_steps set also where
        the halting logit is positive; with probability halt_exploration_prob not before a random number of steps
        (HRM, section 2).
        """
        limit, config = self.train_config.steps_limit, self.train_config
        steps = carry.steps + 1
        halted = steps >= limit
        if self.training and config.halt_max_steps and limit > 1:
            draw = torch.rand(2, len(steps), generator=generator).to(steps.device)
            at_least = torch.where(draw[0] < config.halt_exploration_prob, 2 + (draw[1] * (limit - 1)).long(), 0)
            halted = halted | ((cycle.q_halt > 0) & (steps >= at_least))
        return Carry(cycle.z_H.detach(), cycle.z_L.detach(), steps, halted, carry.data)

    def forward(
        self,
        carry: Carry,
        batch: Batch,
        t: int | None = None,
        enable_deep_supervision: bool | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Carry, dict[str, Any]]:
        """One call: H_cycles cycles from the carry. Returns the next carry and outputs.

        outputs: logits (B, L, V), q_halt_logits (B,), and with deep supervision intermediate_logits, a list of S such
        logits, the final included (and, with L_supervision_weight, L_logits: S lists of L_cycles such logits). `t`
        picks position t of all logits, (B, 1, V). `enable_deep_supervision` None: off
        in evaluation, the config's in training. `generator` draws the halting exploration; None is torch's global
        one.
        """
        if enable_deep_supervision is None:
            enable_deep_supervision = self.training and self.supervision.enable_deep_supervision
        scope = replace(self.supervision, enable_deep_supervision=enable_deep_supervision).scope
        at = slice(None) if t is None else position_of(t, lead_of(batch, self.config)[1])
        read_L = enable_deep_supervision and self.supervision.L_supervision_weight > 0
        carry = self.start(carry, batch)
        logits, latents = [], []
        unit = self.train_config.activation_checkpointing
        for cycle in self.cycles(carry, gradient_scope=scope, checkpointing=unit, read_L=read_L):
            if enable_deep_supervision or cycle.index == self.config.H_cycles - 1:
                logits.append(cycle.logits[:, at])
                latents.append([reading[:, at] for reading in cycle.L_logits])
        outputs: dict[str, Any] = {"logits": logits[-1], "q_halt_logits": cycle.q_halt}
        if enable_deep_supervision:
            outputs["intermediate_logits"] = logits
        if read_L:
            outputs["L_logits"] = latents
        return self.finish(carry, cycle, generator), outputs


def device_of(model: RecursiveModel) -> torch.device:
    """Where a model computes. ValueError for what is no model."""
    if not hasattr(model, "cycles"):
        raise ValueError(
            f"model is a {type(model).__name__}; give a RecursiveModel: the first of what load_checkpoint gives, or "
            "the ema_model of a training"
        )
    return model.H_init.device


def _identifiers(data: Batch, like: Tensor) -> Tensor:
    """(B,) which row of the table each puzzle has; row 0, published as "none", where the batch does not say."""
    given = data.get("puzzle_identifiers")
    return torch.zeros(len(like), dtype=torch.long, device=like.device) if given is None else given.long()
