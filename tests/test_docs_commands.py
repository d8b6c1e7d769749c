"""Every command on a page for readers is one: the parser takes all of them, and those of the docs run in order."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import typer
import yaml
from onecurve.scripts.cli import app
from onecurve.scripts.publish.command_line import command_line, escaped
from test_docs import PAGES
from test_readme_results import brought

ROOT = Path(__file__).resolve().parents[1]
DOCS = [page for page in PAGES if page.startswith("docs/")]


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def commands(page: str) -> list[str]:
    lines = [line for text in blocks(page, "bash") for line in text.strip().splitlines()]
    return [line for line in lines if line.startswith("onecurve ")]


def all_commands(command: typer.core.TyperCommand | typer.core.TyperGroup, path: str):
    """Every command of the tree below one, with the words that call it."""
    for name, one in getattr(command, "commands", {}).items():
        yield from all_commands(one, f"{path} {name}")
    if not hasattr(command, "commands"):
        yield path, command


@functools.cache
def listening() -> tuple[typer.core.TyperGroup, list[dict[str, object]]]:
    """The command line's parser, with what it was given last in place of what it would do."""
    root, heard = typer.main.get_command(app), []
    for _, one in all_commands(root, "onecurve"):
        one.callback = lambda **given: heard.append(given)
    return root, heard


def parse(line: str) -> dict[str, object]:
    """What the command line makes of a command, which is not carried out.

    Raises
    ------
    Exception
        A verb or an option that does not exist, a value that is not allowed, an argument that is missing.
    """
    root, heard = listening()
    heard.clear()
    root.main(shlex.split(line, comments=True)[1:], prog_name="onecurve", standalone_mode=False)
    (given,) = heard
    return given


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_the_parser_takes_every_command(page):
    for line in commands(page):
        parse(line)


@pytest.mark.parametrize(
    "line", ["onecurve analyse x", "onecurve analyze x --nope", "onecurve run", "onecurve run x y"]
)
def test_what_is_no_command_is_found(line):
    with pytest.raises(Exception) as raised:
        parse(line)
    assert raised.type.__name__ in (
        "NoSuchCommand",
        "NoSuchOption",
        "MissingParameter",
        "UsageError",
        "NoArgsIsHelpError",
    )


def test_the_page_on_the_command_line_has_every_verb_and_option():
    parts = {part.partition("`")[0]: part for part in re.split(r"^#+ `", command_line(), flags=re.MULTILINE)}
    tree = list(all_commands(typer.main.get_command(app), "onecurve"))
    assert len(tree) > 20
    for path, command in tree:
        for option in command.params:
            if option.param_type_name == "option" and not option.hidden:
                assert f"`{', '.join(option.opts)}" in parts[path], (path, option.opts)


def test_text_in_angle_brackets_is_seen():
    assert escaped("read <this>, not `<that>`\n```\n<nor that>\n```\n") == (
        "read \\<this>, not `<that>`\n```\n<nor that>\n```\n"
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with what the pages speak of, small: the sweep, the network, the published table of the controls."""
    folder = tmp_path_factory.mktemp("reader")
    sweep = yaml.safe_load(blocks("docs/tutorial.md", "yaml")[0])
    sweep["groups"][0] |= {"seeds": 2, "horizon": {"rule": "power-law", "steps": 20, "exponent": 0.7}}
    (folder / "my.yaml").write_text(yaml.safe_dump(sweep))
    (folder / "my_net.py").write_text(blocks("docs/tutorial.md", "python")[0])
    (folder / "zoo.yaml").write_text(blocks("docs/howto/add-my-network.md", "yaml")[0])
    (folder / "relunet.py").write_text(blocks("docs/howto/add-my-network.md", "python")[-1])
    reference = Path("results/reference")
    (folder / reference).mkdir(parents=True)
    table = reference / "quick.parquet"
    pq.write_table(pq.read_table(ROOT / table, filters=pc.field("family") == "linear"), folder / table)
    return folder


@pytest.fixture(scope="module")
def trained(small):
    """The same with the sweep trained."""
    from onecurve.benchmark.whole_sweep import run_sweep

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small)
        assert run_sweep("my.yaml", "runs/my", address="in-process").failed == 0
    return small


#: Trained elsewhere at full size (`test_readme.py`), or on machines that are not here.
ELSEWHERE = ("onecurve try ", "onecurve run my.yaml --out s3://")
OF_THE_DOCS = [page for page in DOCS if page.split("/")[1] in ("index.md", "tutorial.md", "howto")]


@pytest.mark.slow
@pytest.mark.parametrize("page", OF_THE_DOCS)
def test_the_commands_of_a_page_run_in_order(page, trained, tmp_path, onecurve, onecurve_process):
    here = tmp_path / "here"
    shutil.copytree(trained, here)
    lines = [line for line in commands(page) if not line.startswith(ELSEWHERE)]
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] in ("analyze", "import") and words[1].endswith(".csv"):
            name, frame = brought(line)
            frame.write_csv(here / name)
        # A family is registered once in a process.
        call = onecurve_process if words[0] == "check-family" or "zoo.yaml" in words else onecurve
        done = call(*words, *(["--address", "in-process"] if words[0] == "run" else []), cwd=here)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_files_that_pages_show_more_than_once_are_one_file():
    """The notebook, the README and the tutorial have one network of one's own."""
    (net,) = [text for text in blocks("docs/tutorial.md", "python") if "class MyNet" in text]
    assert net in blocks("README.md", "python")
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text())["cells"]
    assert any(net.strip() in "".join(cell["source"]) for cell in cells)
