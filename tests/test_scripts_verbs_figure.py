"""Figures say how they were made, and are drawn again byte for byte, or it is said what changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from onecurve.collapse.drawing.recipe import Recipe, drawn_by, read_recipe
from onecurve.collapse.drawing.sheet import Sheet
from onecurve.errors import InputError

COMMAND = ("plot", 'a "(b)" \\ & <c> ü.csv', "--to", "figures")


def table(path, bend=0.0):
    lines = ["family,dataset,size,seed,x,loss,irreducible_loss"]
    for number, size in enumerate((1e6, 2e6, 4e6)):
        for seed in range(3):
            noise = np.random.default_rng([number, seed]).standard_normal() / 1000
            for x in np.geomspace(0.05, 1.0, 20):
                loss = 0.3 + size**-0.1 * x**-0.5 * np.exp(noise * x + bend * number * (1 - x))
                lines.append(f"mlp,fourier,{size},{seed},{x},{loss},0.3")
    path.write_text("\n".join(lines))


@pytest.fixture
def drawn(tmp_path, onecurve):
    table(tmp_path / "mine.csv")
    assert onecurve("plot", "mine.csv", "--to", "figures").returncode == 0
    return tmp_path / "figures"


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_file_carries_its_recipe_whatever_is_in_the_command(tmp_path, kind):
    sheet = Sheet(3.0).finish(1.0)
    with drawn_by([*COMMAND, "https://user:secret@host/c.csv?token=hidden"]):
        (tmp_path / f"f.{kind}").write_bytes(sheet.picture(kind, "summary"))
    found = read_recipe(tmp_path / f"f.{kind}")
    assert found.command == (*COMMAND, "https://host/c.csv") and found.figure == "summary"
    assert found.data == hashlib.sha256(sheet.table().encode()).hexdigest()
    assert read_recipe(tmp_path / f"f.{kind}") == found and found.matplotlib
    (tmp_path / f"g.{kind}").write_bytes(sheet.picture(kind, "summary"))
    assert read_recipe(tmp_path / f"g.{kind}") == dataclasses.replace(found, command=())


@pytest.mark.parametrize("name", ["f.png", "f.svg", "f.pdf", "f.csv", "none.png"])
def test_files_without_a_recipe_are_said(tmp_path, name):
    from PIL import Image

    if name == "f.png":
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    elif name != "none.png":
        (tmp_path / name).write_text("<svg></svg>")
    with pytest.raises(InputError, match="carries no recipe|is no figure|cannot be read"):
        read_recipe(tmp_path / name)


def test_explain_says_command_data_and_versions(drawn, onecurve):
    points = hashlib.sha256((drawn / "summary.csv").read_bytes()).hexdigest()
    for kind in ("png", "svg", "pdf"):
        said = onecurve("figure", "explain", drawn / f"summary.{kind}").stdout
        assert "command: onecurve plot mine.csv --to figures" in said and f"sha256 {points}" in said


def test_rebuild_draws_every_kind_byte_for_byte(drawn, onecurve):
    before = {path.name: path.read_bytes() for path in drawn.iterdir()}
    for kind in ("png", "pdf"):
        assert "byte for byte" in onecurve("figure", "rebuild", drawn / f"summary.{kind}").stdout
    (drawn / "summary.svg").rename(drawn / "moved.svg")
    assert "byte for byte" in onecurve("figure", "rebuild", drawn / "moved.svg").stdout
    assert {path.name for path in drawn.iterdir()} == {*before, "moved.svg"} - {"summary.svg"}


def test_rebuild_says_that_the_data_changed_and_keeps_the_figure(drawn, onecurve, tmp_path):
    before = (drawn / "summary.png").read_bytes()
    table(tmp_path / "mine.csv", bend=0.1)
    said = onecurve("figure", "rebuild", drawn / "summary.png").stdout
    assert "the data changed: sha256" in said and "summary.rebuilt.png" in said
    assert (drawn / "summary.png").read_bytes() == before
    assert read_recipe(drawn / "summary.rebuilt.png").data != read_recipe(drawn / "summary.png").data
    (tmp_path / "mine.csv").unlink()
    done = onecurve("figure", "rebuild", drawn / "summary.png")
    assert done.returncode == 2 and "is not there" in done.stderr


def test_rebuild_writes_no_other_file_of_the_command(tmp_path, onecurve):
    table(tmp_path / "mine.csv")
    words = ("analyze", "mine.csv", "--json=a.json", "--to", "figures", "--where")
    assert onecurve(*words).returncode == 0
    (tmp_path / "a.json").write_text(json.dumps("mine"))
    assert "byte for byte" in onecurve("figure", "rebuild", tmp_path / "figures" / "deviations.svg").stdout
    assert json.loads((tmp_path / "a.json").read_text()) == "mine"


@pytest.mark.parametrize(("command", "message"), [
    ((), "drawn from Python"), (("run", "quick", "--out", "/"), "does more than draw"),
    (("analyze", "c.csv", "--laws", "--form", "evil.py:Form"), "runs a Python file"),
    (("analyze", "c.csv", "--laws", "--form=evil.py:Form"), "runs a Python file"),
])  # fmt: skip
def test_a_command_that_could_do_more_is_not_run(tmp_path, onecurve, command, message):
    with drawn_by(command):
        (tmp_path / "f.png").write_bytes(Sheet(3.0).finish(1.0).picture("png", "f"))
    done = onecurve("figure", "rebuild", "f.png")
    assert done.returncode == 2 and message in done.stderr


def test_a_recipe_made_now_names_this_version():
    assert Recipe.of("f", "x\n").onecurve and Recipe.of("f", "x\n").data == hashlib.sha256(b"x\n").hexdigest()
