"""The published trainings of TRM as named presets: arXiv 2510.04871, README and config files of its code (e7b6871).

    trm-explore train --task data/sudoku-extreme-1k-aug-1000 --preset sudoku-extreme-mlp

They are for the published data folders and for a GPU. Where the paper and its code differ, the code's numbers stand
here. The optimiser is AdamW, as in the paper; the code's own is `optimizer=adam_atan2`. docs/recipes.md has the table.
"""

from __future__ import annotations

from typing import Any

# config/cfg_pretrain.yaml and config/arch/trm.yaml
PUBLISHED: dict[str, Any] = {
    "hidden_size": 512,
    "L_layers": 2,
    "num_heads": 8,
    "expansion": 4.0,
    "swiglu_multiple": 256,
    "H_cycles": 3,
    "mixer": "attention",
    "mix_norm": "width",
    "pos_encodings": "rope",
    "causal": False,
    "puzzle_emb_len": 16,
    "forward_dtype": "bfloat16",
    "enable_deep_supervision": False,
    "gradient_scope": "last",
    "loss": "stablemax",
    "halt_max_steps": 16,
    "halt_exploration_prob": 0.1,
    "halt_loss_weight": 0.5,
    "batch_size": 768,
    "lr": 1e-4,
    "lr_min_ratio": 1.0,
    "warmup_updates": 2000,
    "beta1": 0.9,
    "beta2": 0.95,
    "grad_clip": 1e9,  # not clipped
    "ema_decay": 0.999,
    "num_epochs": None,
    "eval_H_cycles": None,
    "frame_every": 0,
    "gradient_every": 0,
}
# 50,000 passes over 1,000 groups in batches of 768; evaluated and saved every 5,000 passes.
THOUSAND = {
    "updates": 50_000 * 1000 // 768,
    "eval_every": 5_000 * 1000 // 768,
    "save_every": 5_000 * 1000 // 768,
    "weight_decay": 1.0,
    "puzzle_emb_lr": 1e-4,
    "puzzle_emb_weight_decay": 1.0,
}
RECIPES: dict[str, dict[str, Any]] = {
    "sudoku-extreme-mlp": PUBLISHED
    | THOUSAND
    | {"L_cycles": 6, "mixer": "mlp", "mix_norm": "positions", "pos_encodings": "none"},
    "sudoku-extreme-attention": PUBLISHED | THOUSAND | {"L_cycles": 6},
    "maze-hard": PUBLISHED | THOUSAND | {"L_cycles": 4},
    # 100,000 passes, evaluated every 10,000. How many updates that is follows from the data; the public checkpoint of
    # ARC-AGI-1 counts 518,071.
    "arc": PUBLISHED
    | {
        "L_cycles": 4,
        "updates": 518_071,
        "eval_every": 51_807,
        "save_every": 51_807,
        "weight_decay": 0.1,
        "puzzle_emb_lr": 1e-2,
        "puzzle_emb_weight_decay": 0.1,
    },
}
