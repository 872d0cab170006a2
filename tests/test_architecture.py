"""The walls of the house (docs/architecture.md): imports point one way, and some packages stay in their rooms.

Every module is read, not run; an import inside a function counts as one at the top does.
"""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "trm_explore"

# From the ground up: a room (a folder of the package) imports from itself and from those before it.
ROOMS = (
    "config",
    "words",
    "storage",
    "data",
    "tasks",
    "model",
    "training",
    "analysis",
    "runs",
    "shipped",
    "view",
    "web",
    "plots",
    "widgets",
    "app",
    "teach",
    "cli",
    "__main__",
)
LEVEL = {room: number for number, room in enumerate(ROOMS)}
FACE = "__init__"  # trm_explore itself: the public names, from any room that needs no fenced package

EVERYWHERE = {"numpy", "torch", "safetensors"}
FENCES = {  # a package that only these rooms may import
    "gradio": {"app"},
    "fastapi": {"app"},  # these four come with gradio
    "starlette": {"app"},
    "uvicorn": {"app"},
    "httpx": {"app"},
    "anywidget": {"widgets"},
    "ipywidgets": {"widgets"},
    "traitlets": {"widgets"},  # comes with ipywidgets
    "matplotlib": {"plots"},
    "seaborn": {"plots"},
    "tyro": {"cli"},
    "tqdm": {"cli", "teach"},
    "huggingface_hub": {"data"},
    "yaml": {"model"},
    "adam_atan2_pytorch": {"training"},
    "transformers": {"data"},
    "sentence_transformers": {"data"},
}
WITHOUT_TORCH = ("config", "training.events", "view.palette", "data.assets")
SPEAKS = {"cli", "teach", "app"}  # the rooms that talk to a person and so may print


def name_of(path: Path) -> str:
    """tasks/sudoku.py -> tasks.sudoku, tasks/__init__.py -> tasks, __init__.py -> __init__"""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[0]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imported(module: str) -> tuple[tuple[str, str], ...]:
    """Every import of a module as (dotted origin, name): `import a.b` is ("a.b", ""), relative ones made absolute."""
    found = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                here = MODULES[module].relative_to(ROOT).parent.parts
                origin = ".".join((*here[: len(here) - node.level + 1], *filter(None, [origin])))
            found += [(origin, alias.name) for alias in node.names]
    return tuple(found)


@cache
def ours(module: str) -> frozenset[str]:
    """The modules of this package that a module imports; the face only where a public name is taken from it."""
    found = set()
    for origin, name in imported(module):
        if origin.split(".")[0] != "trm_explore":
            continue
        inside = origin.removeprefix("trm_explore").removeprefix(".")
        deeper = f"{inside}.{name}".strip(".")
        if deeper in MODULES:
            found.add(deeper)
        elif inside:
            found.add(inside)
        elif name != "__version__":
            found.add(FACE)
    return frozenset(found - {module})


def theirs(module: str) -> set[str]:
    """The third-party packages that a module imports."""
    packages = {origin.split(".")[0] for origin, _ in imported(module)}
    return packages - set(sys.stdlib_module_names) - {"trm_explore"}


def reached(module: str) -> set[str]:
    """A module and all of ours that it imports, directly or not."""
    seen, ahead = set(), [module]
    while ahead:
        here = ahead.pop()
        if here not in seen:
            seen.add(here)
            ahead += ours(here) & MODULES.keys()
    return seen


every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_every_module_stands_in_a_room(module):
    at_root = "." not in module and not (PACKAGE / module).is_dir()
    assert not at_root or module in (FACE, "__main__"), f"{module} stands at the root"
    assert module == FACE or room_of(module) in LEVEL, (
        f"trm_explore/{module.replace('.', '/')} has no room: give it a level in tests/test_architecture.py "
        "and a line in docs/architecture.md and README.md"
    )


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "__main__"])
def test_every_room_says_what_is_inside(room):
    said = ast.get_docstring(tree(room)) or ""
    assert len(said.splitlines()) >= 3, f"trm_explore/{room}/__init__.py does not say what is inside"


@every_module
def test_imports_point_one_way(module):
    for other in ours(module):
        assert other in MODULES, f"{module} imports trm_explore.{other}, which does not exist"
        assert other != FACE or module in ("teach", "__main__"), (
            f"{module} imports from the face; name the module instead"
        )
        if module != FACE and other != FACE and room_of(module) in LEVEL and room_of(other) in LEVEL:
            assert LEVEL[room_of(other)] <= LEVEL[room_of(module)], f"{module} imports {other}, which lies above it"


def test_no_imports_go_round_in_a_circle():
    for module in MODULES:
        for other in ours(module) & MODULES.keys():
            assert module not in reached(other) or module == FACE, (
                f"{module} imports {other}, which leads back to {module}"
            )


@every_module
def test_packages_stay_in_their_rooms(module):
    for package in theirs(module) - EVERYWHERE:
        assert package in FENCES, f"{module} imports {package}: a new dependency needs a reason, a floor and a fence"
        assert room_of(module) in FENCES[package], f"{module} imports {package}, which only {FENCES[package]} may"


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_the_ground_needs_no_torch(module):
    users = [name for name in reached(module) if "torch" in theirs(name)]
    assert not users, f"{module} needs torch through {users}"


def test_app_py_only_launches():
    nodes = list(ast.walk(ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))))
    origins = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    origins |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {origin.split(".")[0] for origin in origins} - set(sys.stdlib_module_names) <= {"trm_explore", "gradio"}
    ours = {origin for origin in origins if origin.startswith("trm_explore.")}
    assert {origin.split(".")[1] for origin in ours} <= {"app", "cli"}


@every_module
def test_only_rooms_that_talk_to_people_print(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert room_of(module) in SPEAKS, f"{module}, line {node.lineno}, prints"


IMPORT = f"""
import random, sys, threading
import numpy, torch

def world():
    switches = torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(), torch.get_default_dtype()
    threads = torch.get_num_threads(), torch.get_num_interop_threads(), threading.active_count()
    seeds = torch.random.get_rng_state().tolist(), random.getstate(), str(numpy.random.get_state())
    return switches, threads, seeds

before, loaded = world(), set(sys.modules)
import trm_explore
assert world() == before, "import trm_explore changed the world around it"
heavy = {set(FENCES)!r} & (set(sys.modules) - loaded)
assert not heavy, f"import trm_explore loads {{sorted(heavy)}}"
for name in getattr(trm_explore, "__all__", ()):
    getattr(trm_explore, name)
"""


def test_import_is_light_and_silent():
    """No page, plot, widget or CLI package, no thread, no seed, no word, no warning."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", IMPORT], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout + ran.stderr == ""


# ---- the annotated tree in the README


@cache
def readme_tree() -> tuple[str, ...]:
    """The names at the head of each line of the README's tree of files; `a.py, b.py   words` gives two."""
    blocks = re.findall(
        r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (block,) = [block for block in blocks if re.search(r"^trm_explore/", block, re.MULTILINE)]
    heads = (re.split(r"\s{2,}|\s#", line.strip(" │├└─"))[0] for line in block.splitlines())
    return tuple(name.strip() for head in heads for name in head.split(",") if name.strip())


def test_readme_tree_lists_every_module():
    for module, path in MODULES.items():
        listed = {path.name, path.relative_to(PACKAGE).as_posix()}
        if path.parent != PACKAGE:
            listed.add(f"{path.relative_to(PACKAGE).parts[0]}/")  # a folder may stand for its files
        assert module == FACE or listed & set(readme_tree()), f"the README's tree lacks {path.relative_to(ROOT)}"


def test_readme_tree_lists_nothing_that_is_not_there():
    for name in readme_tree():
        assert any((folder / name).exists() for folder in (ROOT, PACKAGE)), f"there is no {name}"


def test_the_only_extra_packages_are_declared():
    """Every fenced package that a module imports by name comes with one of our extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    declared = {re.match(r"[\w-]+", line)[0].replace("-", "_") for line in lines}
    declared = {{"pyyaml": "yaml"}.get(name, name) for name in declared}
    # with gradio, ipywidgets and transformers
    come_along = {"fastapi", "starlette", "uvicorn", "httpx", "traitlets", "huggingface_hub"}
    used = {package for module in MODULES for package in theirs(module)}
    assert used <= declared | come_along


# ---- every file appears whole or not at all

WRITES = {"write_text", "write_bytes", "savefig", "imsave", "tofile", "savetxt", "save_file"}  # to a path
# What need not go through storage.write_whole, and why.
MAY_WRITE = {
    ("storage.whole", "open"): "is the one place",
    (
        "training.run_folder",
        "open",
    ): "the log grows line by line; a last line that was cut off is left out by who reads it",
    ("data.writer", "open"): "rows go into a folder of storage.new_folder, which appears whole",
    ("data.writer", "save"): "the same",
    ("runs.open_run", "write_bytes"): "a temporary folder of its own",
}


def writes(module: str) -> set[str]:
    """The names of calls that write to a path: methods of paths, figures and arrays, open with a mode that writes, and
    NumPy's and torch's save, unless into a buffer."""
    found = set()
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        values = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
        modes = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
        of = function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""
        if name == "open" and of != "os" and any(re.fullmatch(r"[rwax+bt]{1,3}", m) and m.strip("rbt") for m in modes):
            found.add("open")
        to_path = name in WRITES or (name in ("save", "savez", "savez_compressed") and of in ("np", "torch"))
        if to_path and not any(_is_buffer(value, module) for value in node.args[:2]):
            found.add(name)
    return found


def _is_buffer(value: ast.expr, module: str) -> bool:
    """Whether an argument is a BytesIO: made there (`x := io.BytesIO()`), or a name that is bound to one."""
    if isinstance(value, ast.NamedExpr):
        return "BytesIO" in ast.dump(value.value)
    return isinstance(value, ast.Name) and value.id in buffers(module)


@cache
def buffers(module: str) -> frozenset[str]:
    """The names that a module binds to a BytesIO."""
    bound = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Assign)]
    made = [target for node in bound if "BytesIO" in ast.dump(node.value) for target in node.targets]
    return frozenset(target.id for target in made if isinstance(target, ast.Name))


@every_module
def test_every_file_is_written_whole_or_not_at_all(module):
    for name in writes(module):
        assert (module, name) in MAY_WRITE, f"{module} writes with {name}; take storage.write_whole"


# ---- the picture and the measures in docs/architecture.md


def by_path(folder: str, name: str) -> ModuleType:
    """A script of docs/ or benchmarks/, which are no packages."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_picture_of_the_house_is_drawn_from_the_imports():
    house = by_path("docs", "house")
    assert house.PICTURE.read_text(encoding="utf-8") == house.draw(), "run python docs/house.py"
    between: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in MODULES.keys() - {FACE}:
        between[room_of(module)] |= {room_of(other) for other in ours(module) & MODULES.keys()} - {
            room_of(module),
            FACE,
        }
    drawn = house.arrows(house.rooms())
    assert {room: house.below(room, drawn) for room in ROOMS} == {room: house.below(room, between) for room in ROOMS}
    assert all(one not in house.below(other, drawn) for others in drawn.values() for one in others for other in others)


def test_places_that_share_six_lines_are_counted_once_and_are_few(tmp_path):
    measures = by_path("benchmarks", "measures")
    same = "\n".join(f"    value{n} = work({n})" for n in range(8))
    (tmp_path / "one.py").write_text(f'"""One."""\nimport os\n\n\ndef one():\n{same}\n')
    (tmp_path / "other.py").write_text(f'def other():\n    """Other."""\n{same}\n    return value1\n')
    (tmp_path / "third.py").write_text("def third():\n" + "\n".join(same.splitlines()[:5]) + "\n")
    assert measures.pairs(tmp_path) == [("one.py:6", "other.py:3")]
    assert len(measures.pairs(PACKAGE)) < 15
    assert sum(measures.lines_by_room(PACKAGE).values()) == sum(
        path.read_text(encoding="utf-8").count("\n") for path in MODULES.values()
    )
