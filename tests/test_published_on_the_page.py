"""An imported checkpoint all the way: exported, imported, evaluated, shown, opened by the page and looked into."""

import pytest

from trm_explore import preset
from trm_explore.app.bring import adopt, controls_for
from trm_explore.app.handlers import Handlers
from trm_explore.app.looking import Question, look
from trm_explore.app.settings import CONTROLS
from trm_explore.cli import main
from trm_explore.model import RecursiveModel
from trm_explore.model.checkpoint import Checkpoint, write_checkpoint
from trm_explore.runs.registry import Runs
from trm_explore.tasks import GENERATED, resolve
from trm_explore.view.payload import key_of

SHAPE = {"mixer": "attention", "hidden_size": 32, "num_heads": 2, "L_layers": 2, "L_cycles": 2, "puzzle_emb_len": 2}
SHAPE |= {"pos_encodings": "rope", "gradient_scope": "last", "swiglu_multiple": 256}


@pytest.fixture(params=[("sudoku9", 81, 9), ("maze", 900, 30)], ids=["sudoku9", "maze"])
def imported(request, tmp_path, capsys):
    """(our checkpoint of a model in the published format, its task, the board's side)"""
    task, positions, side = request.param
    _, config = resolve(preset(task, "tiny", **SHAPE).with_flat(seq_len=positions))
    model = RecursiveModel(config.model, config.supervision, config.train, seed=1)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    write_checkpoint(tmp_path / "first.safetensors", Checkpoint(config, {"update": 3, "seconds": 1.0}, tensors))
    assert main(["export", str(tmp_path / "first.safetensors"), "--out", str(tmp_path / "published")]) == 0
    back = tmp_path / "back.safetensors"
    assert main(["import", str(tmp_path / "published" / "step_0"), "--out", str(back)]) == 0
    assert f"{positions} positions" in capsys.readouterr().out
    return back, task, side


@pytest.mark.slow
def test_it_is_evaluated_shown_and_played_by_the_page(imported, capsys):
    path, task, side = imported
    assert main(["evaluate", str(path), "--puzzles", "2"]) == 0 and main(["show", str(path)]) == 0
    assert "The final answer is" in capsys.readouterr().out
    runs = Runs(slots=1)
    run = adopt(path, runs, GENERATED)
    (frame,) = [event.trajectory for event in run.events if hasattr(event, "trajectory")]
    seen = look(Question("run", task, run.id, None, "", 9), [], runs)["message"]["frames"][0]
    for shown, steps in ((frame, 3), (seen, 9)):
        assert shown["board"]["rows"] == side and len(shown["steps"]) == steps


def test_its_plan_is_its_own_until_a_control_is_moved(imported):
    """No control of the page says "32 wide, puzzle vectors"; the ribbon would show another network's plan."""
    runs = Runs(slots=1)
    run = adopt(imported[0], runs, GENERATED)
    page, values = Handlers(runs), controls_for(run.config, GENERATED)
    plan, command, *_ = page.follow(run.id, *values)
    assert plan["key"] == key_of(run.config) and not plan["error"] and "--hidden_size 32" in command
    assert page.follow("", *values)[0]["key"] != plan["key"], "without the run they say what Train would begin"
    values[CONTROLS.index("H_cycles")] = 5
    moved = page.follow(run.id, *values)[0]
    assert moved["steps"] == 5 and moved["key"] != plan["key"]
