"""Verbs: a file each, named by the verb, and options of several verbs said once."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from onecurve.results.layout import Layout
from onecurve.scripts import cli
from onecurve.scripts.table_options import with_layout
from typer.testing import CliRunner

VERBS = typer.main.get_command(cli.app).commands
FILES = {path.stem for path in Path(cli.__file__).parent.joinpath("verbs").glob("*.py")} - {"__init__"}


def test_a_file_for_each_verb_and_a_verb_for_each_file():
    assert {name.replace("-", "_") for name in VERBS} == {name.rstrip("_") for name in FILES}


@pytest.mark.parametrize("verb", ["analyze", "plot", "power"])
def test_verbs_that_read_curves_have_all_options_on_tables(verb):
    flags = {flag for option in VERBS[verb].params for flag in option.opts}
    assert flags >= {"--column", "--value", "--only", "--run", "--mapping", "--unit", "--floor-unit", "--restarts"}
    assert "--horizon" in flags and "--layout" not in flags


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_whole_phrases(verb):
    for option in VERBS[verb].params:
        said = getattr(option, "help", None)
        assert not said or (said.endswith(".") and not said.startswith(" ")), f"{verb} {option.name}: {said}"


def test_a_verb_is_called_with_the_layout_that_its_options_say(tmp_path):
    app, seen = typer.Typer(), []

    @app.command()
    @with_layout
    def ask(path: str, often: int = 2, *, layout: Layout) -> None:
        seen.append((path, often, layout))

    (tmp_path / "how.yaml").write_text("unit: bits\ncolumn: {loss: val}\n")
    call = ["curves.csv", "--often", "3", "--column", "size=n", "--mapping", str(tmp_path / "how.yaml")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    ((path, often, layout),) = seen
    assert (path, often, layout.unit, layout.horizon) == ("curves.csv", 3, "bits", None)
    assert dict(layout.column) == {"size": "n", "loss": "val"}
