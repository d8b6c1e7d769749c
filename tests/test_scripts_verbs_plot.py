"""`onecurve plot` of some families and data sets: the same numbers, and no others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def curves(tmp_path):
    noise = np.random.default_rng(0)
    rows = [
        (family, dataset, size, seed, x, 0.3 + size**-0.1 * x**-0.5 * (1 + noise.standard_normal() / 1000), 0.3)
        for family in ("mlp", "vit")
        for dataset in ("fourier", "glyphs")
        for size in (1e6, 2e6, 4e6)
        for seed in range(3)
        for x in np.geomspace(0.05, 1.0, 20)
    ]
    names = ["family", "dataset", "size", "seed", "x", "loss", "irreducible_loss"]
    pl.DataFrame(rows, schema=names, orient="row").write_csv(tmp_path / "c.csv")
    return "c.csv"


def test_some_families_and_data_sets_are_drawn_with_the_numbers_of_all(curves, onecurve, tmp_path):
    assert onecurve("plot", curves, "--to", "all").returncode == 0
    assert onecurve("plot", curves, "--to", "some", "--family", "mlp", "--dataset", "glyphs").returncode == 0
    whole, part = (pl.read_csv(tmp_path / name / "deviations.csv") for name in ("all", "some"))
    assert part.drop("x").rows() == whole.filter(family="mlp", dataset="glyphs").drop("x").rows() and part.height
    assert {path.stem for path in (tmp_path / "some").iterdir()} == {"summary", "deviations", "dataset-glyphs"}


@pytest.mark.parametrize(("words", "message"), [
    (("--family", "mpl"), "unknown family 'mpl'. Did you mean 'mlp'"), (("--dataset", "glyph"), "Did you mean 'glyphs'")
])  # fmt: skip
def test_names_that_are_not_there(curves, onecurve, words, message):
    done = onecurve("plot", curves, *words)
    assert done.returncode == 2 and message in done.stderr


def test_a_style_and_a_panel_are_drawn_again_from_the_figure_alone(curves, onecurve, tmp_path):
    words = ("--family", "vit", "--style", "paper", "--panel", "residuals", "--to", "styled")
    assert onecurve("plot", curves, *words).returncode == 0
    drawn = {path.name for path in (tmp_path / "styled").glob("*.png")}
    assert drawn == {"residuals-vit-fourier.png", "residuals-vit-glyphs.png"}
    one = tmp_path / "styled" / "residuals-vit-glyphs.pdf"
    assert "--style paper --panel residuals" in onecurve("figure", "explain", one).stdout
    assert "byte for byte" in onecurve("figure", "rebuild", one).stdout
    assert set(pl.read_csv(one.with_suffix(".csv"))["panel"]) == {"residual"}


@pytest.mark.parametrize(("words", "message"), [
    (("plot", "c.csv", "--style", "papr"), "unknown style 'papr'. Did you mean 'paper'"),
    (("plot", "c.csv", "--panel", "residual"), "unknown panel 'residual'. Did you mean 'residuals'"),
    (("analyze", "c.csv", "--style", "paper"), "say with --to where they go"),
    (("analyze", "c.csv", "--style", "papr", "--to", "f"), "unknown style 'papr'"),
])  # fmt: skip
def test_styles_and_panels_that_cannot_be_drawn(curves, onecurve, words, message, tmp_path):
    done = onecurve(*words)
    assert done.returncode == 2 and message in done.stderr and not (tmp_path / "f").exists()
