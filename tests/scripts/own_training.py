"""The model alone, in a training loop of one's own."""

import torch

from trm_explore import (
    ModelConfig,
    RecursiveModel,
    SupervisionConfig,
    deep_supervision_loss,
    resolve,
    supervision_weights,
)

task, config = resolve("sudoku4")
model = RecursiveModel(
    ModelConfig(vocab_size=task.vocab_size, seq_len=task.seq_len, hidden_size=16, H_cycles=2),
    SupervisionConfig(enable_deep_supervision=True),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
weights = supervision_weights("linear_decay", 2)
for _ in range(3):
    batch = task.held_out(8)
    carry, outputs = model(model.initial_carry(batch), batch)
    labels = torch.from_numpy(batch["labels"])
    losses = [
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        for logits in outputs["intermediate_logits"]
    ]
    loss = deep_supervision_loss(losses, weights)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item(), carry.steps.tolist())
