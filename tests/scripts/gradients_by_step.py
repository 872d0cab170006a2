"""How far does each step's loss reach back?"""

from trm_explore import gradient_statistics, load_checkpoint, resolve

model, config = load_checkpoint("sorting-linear")
task, config = resolve(config)
for scope in ("last", "cycle", "full"):
    found = gradient_statistics(model, task.held_out(4), gradient_scope=scope)
    print(scope, [f"{norm:.3f}" for norm in found.network], max(found.states[-1]))
