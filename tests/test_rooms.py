"""The house stays in shape: import direction, light rooms, no shadowed packages, tests that are found."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "architectures": set(),
    "datasets": set(),
    "results": set(),
    "collapse": {"results"},
    "benchmark": {"architectures", "datasets", "results"},
    "scripts": {"benchmark", "collapse", "results", "architectures", "datasets"},
}
SHARED = {"catalogue", "errors", "own_files", "task"}
SOURCES = [path for room in ALLOWED for path in sorted((ROOT / room).rglob("*.py"))]


def imports(path: Path) -> list[tuple[str, str]]:
    """Absolute first names, and rooms or shared modules reached by relative or package imports."""
    found = []
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            parts = [node.module] if node.module else [alias.name for alias in node.names]
            found += [("ours", part.split(".")[0]) for part in parts]
            continue
        else:
            continue
        for name in names:
            parts = name.split(".")
            found.append(("ours", parts[1]) if parts[0] == "onecurve" and len(parts) > 1 else ("other", parts[0]))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    reached = {name for kind, name in imports(path) if kind == "ours"}
    assert reached <= ALLOWED[room] | SHARED | {room}


@pytest.mark.parametrize("module", sorted(SHARED))
def test_shared_modules_import_no_room(module):
    reached = {name for kind, name in imports(ROOT / f"{module}.py") if kind == "ours"}
    assert reached <= SHARED


def test_results_and_collapse_are_light():
    heavy = {"torch", "torchvision", "timm", "ray"}
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] in ("results", "collapse", "claims"):
            assert not heavy & {name for kind, name in imports(path) if kind == "other"}, path


def test_one_file_imports_ray_and_the_benchmark_that_measures_against_it():
    users = [path.name for path in SOURCES if ("other", "ray") in imports(path)]
    assert sorted(users) == ["many_networks.py", "ray_executor.py"]


def test_no_room_is_imported_as_a_top_level_package():
    for path in [*SOURCES, *sorted((ROOT / "tests").glob("*.py"))]:
        names = {name for kind, name in imports(path) if kind == "other"}
        assert not names & set(ALLOWED), path


def test_datasets_does_not_shadow_another_package():
    assert not (ROOT / "datasets" / "__init__.py").exists()


@pytest.mark.parametrize(
    "code",
    [
        "import onecurve.scripts.cli as c; c.app(['--help'], standalone_mode=False)",
        "import onecurve.collapse.analysis, onecurve.collapse.figures, onecurve.results.reading",
        "import onecurve.scripts.verbs.status, onecurve.benchmark.sweep, onecurve.benchmark.lock",
    ],
    ids=["help", "analysis", "status"],
)
def test_light_verbs_load_neither_torch_nor_ray(code):
    check = f"{code}\nimport sys\nprint('LOADED', sorted(set(sys.modules) & {{'torch', 'ray', 'timm', 'torchvision'}}))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert "LOADED []" in done.stdout


def test_what_is_installed_is_what_is_here():
    """An installed copy has each folder that holds code: one left out of the list fails there alone."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    here = {".".join(("onecurve", *path.parent.relative_to(ROOT).parts)) for path in SOURCES}
    assert set(listed) == here | {"onecurve"} and len(listed) == len(set(listed))


OF_THE_WHOLE = {"docs", "faults", "front", "readme", "rooms", "skipped"}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("test_*.py")), ids=lambda path: path.stem)
def test_a_test_is_found_from_the_name_of_what_it_tests(path):
    """`tests/test_ROOM_FOLDER_FILE.py`, or of a whole folder, and what it is about after that."""
    room, *words = path.stem.removeprefix("test_").split("_")
    if room in OF_THE_WHOLE:
        return
    inside = [each.relative_to(ROOT / room) for each in (ROOT / room).rglob("*") if each.suffix in ("", ".py")]
    names = ["_".join(each.with_suffix("").parts).strip("_") for each in inside if "__pycache__" not in each.parts]
    assert any(f"{'_'.join(words)}_".startswith(f"{name}_") for name in names if name), path.name


TOPICS = {"sentences", "templates", "drawing", "verbs"}  # rooms whose files are named by what they speak of


def test_one_name_has_one_meaning():
    """No two classes of one name, and no two files but those that are named by the file whose results they show."""
    files = [path for path in SOURCES if path.name != "__init__.py"]
    named = Counter(path.name for path in files if path.parent.name not in TOPICS)
    classes = Counter(
        node.name
        for path in files
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, n in (named + classes).items() if n > 1] == []
