"""The set-up: what is installed, from which list, and what the Makefile does. Nothing here reaches the network."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import trm_explore
from trm_explore.data.assets import asset, assets

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines if not line.startswith("trm-explore[")]
    for name, lines in PROJECT["optional-dependencies"].items()
}
# conda's name of a package, where it is not PyPI's
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}
# What Colab has installed, and since when: a floor above that makes pip replace what its kernel has already imported
COLAB = json.loads((ROOT / "tests" / "data" / "colab-versions.json").read_text())


def entries(name: str) -> list[str]:
    """The lines of a requirements-like file, without comments and options."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def project_files() -> list[Path]:
    """What is committed or would be; in an unpacked archive, which has no git, everything outside dot folders."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode == 0:
        return [
            path for path in (ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name) if path.is_file()
        ]
    everything = (path for path in ROOT.rglob("*") if path.is_file())
    return [path for path in everything if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == PROJECT["version"]
    assert getattr(trm_explore, "__version__", PROJECT["version"]) == PROJECT["version"]


def test_citation_names_the_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys() and citation["cff-version"] == "1.2.0"
    assert citation["license"] == PROJECT["license"] == "MIT"
    numbers = [entry["value"] for reference in citation["references"] for entry in reference["identifiers"]]
    assert numbers == ["arXiv:2510.04871", "arXiv:2506.21734", "arXiv:1409.5185"]


def test_requirements_txt_is_the_core():
    assert entries("requirements.txt") == PROJECT["dependencies"]


def test_environment_yml_is_core_page_and_notebooks():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-e ."]} and "pip" in conda
    assert Version("3.11") <= Version(conda.pop(0).removeprefix("python=")) <= Version("3.13")
    ours = [requirement for part in (CORE, *(EXTRAS[x] for x in ("app", "notebooks", "lab"))) for requirement in part]
    expected = {CONDA_NAMES.get(requirement.name, requirement.name): requirement.specifier for requirement in ours}
    stands = [Requirement(line) for line in conda if line != "pip"]
    assert {requirement.name: requirement.specifier for requirement in stands} == expected


def test_constraints_are_exact_and_name_no_host():
    pins = {}
    for line in entries("constraints.txt"):
        requirement = Requirement(line)
        assert requirement.url is None and re.fullmatch(r"[\w.-]+==[\w.]+", line), (
            f"not an exact public version: {line}"
        )
        pins[requirement.name.lower().replace("_", "-")] = line.split("==")[1]
    assert "://" not in (ROOT / "constraints.txt").read_text()
    assert pins["torch"] == "2.13.0"
    for requirement in (*CORE, *(requirement for extra in EXTRAS.values() for requirement in extra)):
        assert requirement.name in pins, f"constraints.txt has no tested version of {requirement.name}"
        assert pins[requirement.name] in requirement.specifier, f"constraints.txt contradicts {requirement}"


def test_colab_installs_no_jupyterlab():
    """Its server and kernel are its own; replacing them would end the session."""
    assert not {"jupyterlab", "ipykernel", "ipython"} & {
        requirement.name for requirement in (*CORE, *EXTRAS["notebooks"])
    }


def test_floors_leave_colab_as_it_is():
    """The stored table is dated; look at it again before a release."""
    assert COLAB["python"] in SpecifierSet(PROJECT["requires-python"])
    for requirement in (*CORE, *EXTRAS["notebooks"]):
        there = COLAB["packages"].get(requirement.name)
        assert there or requirement.name in ("seaborn", *COLAB["absent"]), f"is {requirement.name} in Colab, and which?"
        if there:
            assert there in requirement.specifier, f"Colab would have to replace its {requirement.name}"


def test_space_asks_for_the_tested_gradio():
    """Only where the README carries the header of a Hugging Face Space."""
    header = re.match(r"---\n(.*?)\n---\n", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    if header:
        space = yaml.safe_load(header[1])
        assert f"gradio=={space['sdk_version']}" in entries("constraints.txt")
        assert Version(str(space["python_version"])) >= Version("3.11")  # a Space's default is 3.10


def test_no_file_names_a_place_on_our_machines():
    """No home folder or workplace path, in text or in the header of a binary file (a checkpoint holds its config)."""
    place = re.compile(rb"(?<![\w.~/:}-])/(?:work|farm|home|root|Users)/\w")
    for path in project_files():
        found = place.search(path.read_bytes())
        assert not found, f"{path.relative_to(ROOT)} names {found[0].decode()}..."


def test_continuous_integration_is_make_test():
    script = ROOT / ".ci" / "run"
    assert script.read_text().splitlines()[-1] == "make test"
    assert os.access(script, os.X_OK) or os.name == "nt"


# ---- assets


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of assets that the package takes for its own."""
    monkeypatch.setattr("trm_explore.data.assets.PACKAGE", tmp_path / "trm_explore")
    (tmp_path / "assets").mkdir()
    for name in ("b.safetensors", "a.csv", ".hidden"):
        (tmp_path / "assets" / name).write_text(name)
    (tmp_path / "secret").write_text("outside")
    return tmp_path


def test_assets_lists_what_ships(shelf):
    assert assets() == ["a.csv", "b.safetensors"]


def test_asset_is_found_with_and_without_suffix(shelf):
    assert asset("b") == asset("b.safetensors") == shelf / "assets" / "b.safetensors"


def test_assets_inside_the_package_come_first(shelf):
    (shelf / "trm_explore" / "assets").mkdir(parents=True)
    (shelf / "trm_explore" / "assets" / "only-here.csv").touch()
    assert assets() == ["only-here.csv"]


@pytest.mark.parametrize("name", ["c", "a", "", ".", "..", ".hidden", "../secret", "../assets/a.csv", "/etc/hostname"])
def test_unknown_asset_says_what_there_is(shelf, name):
    with pytest.raises(FileNotFoundError, match=r"no asset named .*; the shipped files are: a\.csv, b\.safetensors\."):
        asset(name)


def test_a_copy_without_assets_says_so(shelf):
    shutil.rmtree(shelf / "assets")
    assert assets() == []
    with pytest.raises(FileNotFoundError, match="this copy is incomplete"):
        asset("b")


@pytest.mark.slow
def test_wheel_carries_assets_and_page(tmp_path):
    """The wheel, built here and unpacked elsewhere, finds its own files and nothing of this checkout."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    shipped = {path.relative_to(ROOT).as_posix() for path in project_files()}
    package = {name for name in shipped if name.startswith("trm_explore/")}
    assert {name for name in package if name.endswith((".py", ".js", ".css"))} <= names
    assert {f"trm_explore/{name}" for name in shipped if name.startswith("assets/")} <= names
    assert {name.split("/")[0] for name in names} == {"trm_explore", f"trm_explore-{PROJECT['version']}.dist-info"}
    program = (
        "import trm_explore.data.assets as r; print(r.folder()); print(*r.assets()); [r.asset(x) for x in r.assets()]"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [str(tmp_path / "site" / "trm_explore" / "assets"), " ".join(assets())]


# ---- the Makefile, with a stand-in for the Python of .venv that writes down how it was called


@pytest.fixture
def workshop(tmp_path):
    if not shutil.which("make"):
        pytest.skip("make is not on this machine (Windows does without: README.md)")
    folder = tmp_path / "a folder with spaces"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@" >> calls\ncase "$*" in *"$FAIL_ON"*) test -z "$FAIL_ON" ;; esac\n')
    python.chmod(0o755)
    past = time.time() - 60  # everything is older than the stamps to come
    for name in ("Makefile", "pyproject.toml", "constraints.txt", ".venv/.made"):
        (folder / name).touch()
        os.utime(folder / name, (past, past))
    return folder


def make(folder: Path, *words: str, **environment: str) -> tuple[int, str, list[str]]:
    """Run make; its status, what it said, and the calls of the stand-in Python."""
    (folder / "calls").write_text("")
    ours = ("MAKE", "MFLAGS", "ARGS", "PIP_FLAGS", "PYTHON", "BROWSERS")  # the Makefile's own words
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ran = subprocess.run(["make", *words], cwd=folder, env={**clean, **environment}, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr, (folder / "calls").read_text().splitlines()


def test_second_make_app_installs_nothing(workshop):
    status, said, calls = make(workshop, "app", "ARGS=--port 7861", "PIP_FLAGS=--some-flag")
    assert status == 0, said
    assert "--some-flag -c constraints.txt -e .[app]" in calls[0]
    assert calls[1:] == ["-m trm_explore app --port 7861"]
    assert make(workshop, "app")[2] == ["-m trm_explore app"]


def test_make_lab_opens_the_lessons_and_installs_once(workshop):
    status, said, calls = make(workshop, "lab", "ARGS=--port 8889")
    assert status == 0, said
    assert "-c constraints.txt -e .[lab]" in calls[0]
    (opened,) = calls[1:]
    assert opened.startswith("-m jupyterlab ") and opened.endswith(" --port 8889")
    first = re.search(r"default_url=/lab/tree/(\S+)", opened)[1]
    assert (ROOT / first).exists()
    assert len(make(workshop, "lab")[2]) == 1


def test_make_app_installs_again_when_the_lists_change(workshop):
    make(workshop, "app")
    for name in ("pyproject.toml", "constraints.txt"):
        future = time.time() + 60
        os.utime(workshop / name, (future, future))
        assert len(make(workshop, "app")[2]) == 2, f"{name} changed and nothing was installed"
        os.utime(workshop / name, (0, 0))


def test_failed_install_is_done_again(workshop):
    status, said, calls = make(workshop, "app", FAIL_ON="pip install")
    assert status != 0 and len(calls) == 1
    assert len(make(workshop, "app")[2]) == 2


def test_make_test_checks_style_then_runs_the_tests(workshop):
    status, said, calls = make(workshop, "test", "BROWSERS=sh")
    assert status == 0, said
    assert "-e .[app,test]" in calls[0]
    assert calls[1:] == [
        "-m ruff check",
        "-m ruff format --check",
        "-m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder",
    ]
    assert make(workshop, "app")[2] == ["-m trm_explore app"], "make app installed again after make test"
    assert len(make(workshop, "lab")[2]) == 1, "make lab installed again after make test"
    assert make(workshop, "test", "BROWSERS=sh", FAIL_ON="ruff check")[0] != 0


def test_make_test_without_any_browser_says_what_to_do(workshop):
    status, said, calls = make(workshop, "test", "BROWSERS=none-such", "APT=none-such", FAIL_ON="playwright")
    assert status != 0 and "install chromium or Google Chrome" in said
    assert calls[-1] == "-m playwright install chromium"


@pytest.mark.parametrize(
    ("fails_on", "sentence"), [("sys.version_info", "older than Python 3.11"), ("venv", "python3-venv")]
)
def test_unfit_python_is_named_in_one_sentence(workshop, fails_on, sentence):
    shutil.move(workshop / ".venv" / "bin" / "python", workshop / "python")
    shutil.rmtree(workshop / ".venv")
    status, said, calls = make(workshop, "app", "PYTHON=./python", FAIL_ON=fails_on)
    assert status != 0 and sentence in said and "Traceback" not in said
    assert not (workshop / ".venv").exists()
