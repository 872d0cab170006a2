"""The player: one puzzle's answer, step by step."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from trm_explore.config.checks import shown
from trm_explore.tasks import resolve
from trm_explore.tasks.base import Task
from trm_explore.training import events as ev
from trm_explore.training.trajectory import Trajectory, frame_of
from trm_explore.view.palette import both_themes
from trm_explore.widgets.drawing import Drawing, Place

NEEDED = {"board", "inputs", "steps"}  # of a frame


class Player(Drawing):
    """Plays a recorded inference, `Player(record(model, puzzles), task)`, or the frames of a run, `Player(events)`.

    `what`: a Trajectory, whose puzzle `item` is shown (`task`: its Task or the task's name); a frame, such as a Frame
    event's `trajectory`; or a list of frames or events, between which a second slider goes. `step` and `cell` are what
    is chosen (step None: the last), `frame` which of the frames (None: the newest). ValueError, one sentence, where
    there is nothing to play.
    """

    modules: ClassVar = ("player",)
    message = traitlets.Dict(read_only=True).tag(sync=True)
    step = Place().tag(sync=True)
    cell = Place().tag(sync=True)
    frame = Place().tag(sync=True)

    def __init__(self, what: Any, task: Task | str | None = None, *, item: int = 0, label: str = "", **chosen: Any):
        frames = frames_of(what, task, item, label)
        for name, value in chosen.items():
            if name not in ("step", "cell", "frame"):
                raise ValueError(f"{name}={shown(value)} is not a setting of a player; known are step, cell and frame")
        super().__init__(**chosen)
        self.set_trait("message", _message(frames))

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What is played."""
        return self.message["frames"]

    def picture(self) -> Any:
        """The chosen frame's answers as a row of boards."""
        from trm_explore.plots import refinement  # matplotlib is slow to import

        last = len(self.frames) - 1
        return refinement(self.frames[last if self.frame is None else min(self.frame, last)])

    def __repr__(self) -> str:
        return f"Player({len(self.frames)} frames of {len(self.frames[-1]['steps'])} steps)"


def frames_of(what: Any, task: Task | str | None, item: int, label: str) -> list[dict[str, Any]]:
    """The frames to play; ValueError, one sentence, where there are none."""
    if isinstance(what, Trajectory):
        if task is None:
            raise ValueError("task is missing: a Trajectory alone does not say how its board looks; give its task too")
        task = resolve(task)[0] if isinstance(task, str) else task
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < len(what.inputs):
            raise ValueError(f"item={shown(item)} is not there: the trajectory has puzzles 0 to {len(what.inputs) - 1}")
        return [frame_of(what, task, item=item, label=label)]
    if isinstance(what, dict):
        what = [what]
    if not isinstance(what, list | tuple):
        raise ValueError(
            f"there is nothing to play in a {type(what).__name__}; give what record(model, batch) returns, a frame, "
            "or a list of frames or events"
        )
    frames = [one.trajectory if isinstance(one, ev.Frame) else one for one in what if isinstance(one, dict | ev.Frame)]
    for frame in frames:
        if missing := sorted(NEEDED - frame.keys()):
            raise ValueError(f"a frame has no {missing[0]}; give a Frame event's trajectory, or what frame_of returns")
    if not frames:
        raise ValueError("there is no frame in the list; train with frame_every above 0, or give a trajectory")
    return [{**frame, "label": label or frame.get("label", "")} for frame in frames]


def _message(frames: list[dict[str, Any]]) -> dict[str, Any]:
    steps = max(len(frame["steps"]) for frame in frames)
    colors = both_themes(steps)
    return {"run": "player", "from": 0, "steps": steps, "colors": colors, "state": "shown", "frames": frames}
