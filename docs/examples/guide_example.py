"""The deep-supervision guide's own training step, with nothing changed but the import line, then its inference.

    python docs/examples/guide_example.py            # as in the guide: width 1024, 4 layers, 256 positions, 8 sequences
    python docs/examples/guide_example.py --small    # the same on a network of a hundredth of the size

At its own size it took 12 GB of memory and 54 seconds for the training step, on two CPU cores (it prints its own time).
"""

import sys
import time

import torch
import torch.nn.functional as F

from trm_explore import RecursiveModel as RecursiveLLM

# Initialize model with deep supervision enabled
config = {
    "batch_size": 8,
    "seq_len": 256,
    "vocab_size": 1024,
    "H_cycles": 4,  # 4 recursive steps
    "L_cycles": 3,
    "L_layers": 4,
    "hidden_size": 1024,
    "expansion": 4.0,
    "num_heads": 16,
    "pos_encodings": "rope",
    "halt_max_steps": 10,
    "halt_exploration_prob": 0.1,
    "enable_deep_supervision": True,  # Enable deep supervision
    "deep_supervision_weight": 0.3,
}
if "--small" in sys.argv[1:]:
    config |= {"batch_size": 2, "seq_len": 32, "vocab_size": 128, "hidden_size": 128, "L_layers": 2}
B, L, D = config["batch_size"], config["seq_len"], config["hidden_size"]

model = RecursiveLLM(config)
print(model)

# Training step
batch = {
    "input_embeddings": torch.randn(B, L, D),
    "labels": torch.randn(B, L, D),
}

carry = model.initial_carry(batch)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

# Forward pass with deep supervision enabled
began = time.perf_counter()
carry, outputs = model(carry, batch, t=0, enable_deep_supervision=True)

total_loss = 0
weights = [0.3, 0.4, 0.7, 1.0]  # Custom weights

for i, step_logits in enumerate(outputs["intermediate_logits"]):
    loss_i = F.mse_loss(step_logits, batch["labels"][:, 0:1, :])
    print(f"step {i}: loss {loss_i.item():.4f}, weight {weights[i]}")
    total_loss += weights[i] * loss_i

total_loss = total_loss / sum(weights)
total_loss.backward()
optimizer.step()
print(f"total loss {total_loss.item():.4f}; forward, backward and step took {time.perf_counter() - began:.1f} s")

# Inference: deep supervision is off by default
model.eval()
with torch.no_grad():
    carry = model.initial_carry(batch)
    carry, outputs = model(carry, batch)
    predictions = outputs["logits"]  # Only final output
print(f"inference: predictions {tuple(predictions.shape)}, and {sorted(outputs)}")
