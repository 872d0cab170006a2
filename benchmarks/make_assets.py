"""Makes assets/sudoku4-linear.*: the recorded run that the page opens with. Run from a checkout: python
benchmarks/make_assets.py

The run is the page's own start settings. Kept: the averaged weights (.safetensors) and the events (.jsonl). Prints
how good it is.
"""

from __future__ import annotations

from trm_explore import events as ev
from trm_explore import train
from trm_explore.app.recorded import RECORDED
from trm_explore.app.settings import start_config
from trm_explore.checkpoint import slim, write_checkpoint
from trm_explore.resources import folder


def main() -> None:
    training = train(start_config())
    lines = []
    for event in training:
        lines.append(ev.to_json(event))
        if isinstance(event, ev.Evaluated):
            print(f"update {event.update}: exact by step {[round(a, 3) for a in event.exact_accuracy]}")
    folder().mkdir(exist_ok=True)
    path = write_checkpoint(folder() / f"{RECORDED}.safetensors", slim(training.checkpoint()))
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(
        f"{path}: {path.stat().st_size / 1e3:.0f} kB, events {path.with_suffix('.jsonl').stat().st_size / 1e3:.0f} kB"
    )


if __name__ == "__main__":
    main()
