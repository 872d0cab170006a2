"""What the page's endpoints say of their arguments (app/api.py); a setting's words stand in its row."""

WORDS = {
    "n_steps": "steps; 1 to {most}",
    "settings": "controls by name; else the task's own",
    "puzzle": "as the task writes it; empty: a held-out one",
    "cycles": "H-cycles; none: as in training; up to four times that",
    "model": "a recorded one of the task, or a run",
    "run": "the id of a run, for model=run",
}
