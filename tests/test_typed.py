"""The public names are typed: scripts as users write them, and the modules that define the names, pass mypy --strict;
the scripts run."""

import inspect
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import trm_explore
from trm_explore.training import events

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
DEFINED = [inspect.unwrap(getattr(trm_explore, name)) for name in trm_explore.__all__ if name != "TASKS"]
PUBLIC = sorted({Path(inspect.getfile(value)) for value in (*DEFINED, trm_explore, events)})
# Errors are reported in the files that are named. Some functions of PyTorch have no types, such as Tensor.backward. Its
# compiler and the like, which no public name speaks of, are not read: that takes two thirds of the time.
CONFIG = """[mypy]
strict = true
follow_imports = silent
untyped_calls_exclude = torch

[mypy-torch._dynamo.*,torch._inductor.*,torch.fx.*,torch.distributed.*,torch.onnx.*,torch.ao.*,IPython.*]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """mypy(*files): what it says of them."""
    folder = tmp_path_factory.mktemp("mypy")
    (folder / "mypy.ini").write_text(CONFIG)

    def check(*files: Path) -> str:
        command = [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini"), "--cache-dir", str(folder)]
        environment = {**os.environ, "MYPYPATH": str(ROOT)}
        ran = subprocess.run([*command, *map(str, files)], cwd=folder, env=environment, capture_output=True, text=True)
        return ran.stdout + ran.stderr

    return check


def test_there_are_ten_scripts_that_use_every_public_function():
    assert len(SCRIPTS) == 10
    text = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    functions = {name for name in trm_explore.__all__ if inspect.isfunction(getattr(trm_explore, name))}
    assert {name for name in functions if f"{name}(" not in text} == {"asset"}


@pytest.mark.slow
def test_scripts_as_users_write_them_and_the_public_modules_are_strictly_typed(mypy, tmp_path):
    files = [*SCRIPTS, *PUBLIC]  # at once: most of the time goes into reading PyTorch's types
    assert mypy(*files) == f"Success: no issues found in {len(files)} source files\n"
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import trm_explore\n"
        "trm_explore.evaluate('maze', 3)\n"
        "trm_explore.load_checkpoint(3)\n"
        "first: str = trm_explore.train('maze').seconds\n"
        "trm_explore.diagnose(3)\n"
    )
    said = mypy(wrong)
    assert [int(line.split(":")[1]) for line in said.splitlines()[:-1]] == [2, 3, 4, 5], said


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out
