"""Finite-size scaling: synthetic tables with known exponents, then magnets and percolation."""

from __future__ import annotations

import csv
import functools
import json
import os
from pathlib import Path

import numpy as np
import pytest
from onecurve.collapse.composing import OK, Missing
from onecurve.collapse.finite_size.fit import fit_scaling
from onecurve.collapse.finite_size.metric_factors import compare_systems
from onecurve.collapse.finite_size.tables import Table
from onecurve.collapse.reasons import because
from onecurve.errors import InputError
from onecurve.scripts.cli import app
from typer.testing import CliRunner

DATA = Path(os.environ.get("ONECURVE_EXTERNAL_CURVES", Path(__file__).resolve().parents[2] / "shared" / "data"))
SIZES = np.array([32.0, 64.0, 128.0])
INVERSE_NU, DIMENSION, CRITICAL = 0.8, -0.2, 1.0


def system(rng, *, noise=0.004, far=0.0, stretch=1.0, amplitude=1.0, bend=0.0, points=21) -> list[Table]:
    """A ratio and an order parameter; ``far`` breaks scaling as the cube of the distance from the critical point."""
    size, step = np.repeat(SIZES, points), np.tile(np.linspace(-2.0, 2.0, points), 3)
    u = step * stretch
    t = CRITICAL + step * size**-INVERSE_NU
    ratio = 0.5 * (1 + np.tanh(u)) + bend * u**2 + far * (t - CRITICAL) ** 3 * size
    order = amplitude * size**DIMENSION * np.exp(0.6 * np.tanh(0.8 * u) + bend * u**3)
    noises = noise * rng.normal(size=(2, len(size)))
    se = np.full(len(size), noise)
    return [
        Table(sizes=size, t=t, y=ratio + noises[0], se=se, dimensionless=True),
        Table(sizes=size, t=t, y=order * np.exp(noises[1]), se=noise * order),
    ]


@pytest.mark.parametrize("critical", [CRITICAL, None])
def test_exponents_are_found_and_covered(critical):
    covered = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        found = fit_scaling(system(rng, points=11), rng=rng, critical=critical, resamples=29)
        assert found.status == OK
        assert found.inverse_nu.value == pytest.approx(INVERSE_NU, abs=0.03)
        assert found.dimensions[0] is None
        assert found.critical.value == pytest.approx(CRITICAL, abs=1e-3)
        pairs = ((found.inverse_nu, INVERSE_NU), (found.dimensions[1], DIMENSION))
        covered += [one.low <= true <= one.high for one, true in pairs]
    assert sum(covered) >= 6  # of 8


def test_the_window_leaves_out_where_scaling_fails():
    whole = fit_scaling(system(np.random.default_rng(0)), rng=np.random.default_rng(1), critical=CRITICAL)
    broken = fit_scaling(system(np.random.default_rng(0), far=30.0), rng=np.random.default_rng(1), critical=CRITICAL)
    assert whole.window == pytest.approx(2.0, rel=0.05)
    assert broken.window < 0.7 * whole.window
    assert broken.inverse_nu.value == pytest.approx(INVERSE_NU, abs=0.05)
    assert broken.goodness >= 0.05


def test_tables_that_do_not_scale_have_no_exponents():
    rng = np.random.default_rng(0)
    size, t = np.repeat(SIZES, 12), np.tile(np.linspace(0, 1, 12), 3)
    table = Table(sizes=size, t=t, y=rng.normal(size=36), se=np.full(36, 1e-3), dimensionless=True)
    found = fit_scaling([table], rng=rng, critical=0.5)
    assert isinstance(found, Missing) and found.status == because("no-scaling-window")


def fitted(**changes):
    rng = np.random.default_rng(changes.pop("seed"))
    tables = system(rng, **changes)
    return tables, fit_scaling(tables, rng=rng, critical=CRITICAL, resamples=29)


def test_one_function_after_metric_factors_and_another():
    first, same = fitted(seed=0), fitted(seed=1, stretch=1 / 1.6, amplitude=3.0)
    found = compare_systems(first, same)
    assert found.one_class is True and found.exponents_agree
    assert found.distance_factor.low <= 1 / 1.6 <= found.distance_factor.high
    assert found.low <= found.difference <= found.high < 0.03
    other = compare_systems(first, fitted(seed=2, bend=-0.1))
    assert other.one_class is False and other.low >= 0.03


def test_bad_tables_are_errors():
    ones = np.ones(3)
    with pytest.raises(InputError, match="differ in length"):
        Table(sizes=ones, t=ones, y=ones, se=np.ones(2))
    with pytest.raises(InputError, match="two sizes"):
        Table(sizes=ones, t=ones, y=ones, se=ones)
    sizes = np.array([1.0, 2.0, 4.0])
    with pytest.raises(InputError, match="standard error"):
        Table(sizes=sizes, t=ones, y=ones, se=0 * ones)
    with pytest.raises(InputError, match="positive"):
        Table(sizes=sizes, t=ones, y=-ones, se=ones)


# ---- the verb


def written(path, names=("one", "two"), **changes):
    """Two systems in a table: the second with a stretch of its own."""
    rows = ["system,observable,size,t,value,error,dimensionless"]
    for seed, name in enumerate(names):
        made = system(np.random.default_rng(seed), stretch=1 if seed == 0 else 1 / 1.6, **changes)
        for observable, one in zip(("ratio", "order"), made, strict=True):
            for size, t, y, se in zip(one.sizes, one.t, one.y, one.se, strict=True):
                rows.append(f"{name},{observable},{size:g},{t:.9g},{y:.9g},{se:.9g},{str(one.dimensionless).lower()}")
    path.write_text("\n".join(rows))
    return str(path)


def test_the_verb_fits_every_system_and_compares_every_pair(tmp_path):
    path = written(tmp_path / "tables.csv", points=11)
    known = ["--critical", "one=1.0", "--critical", "two=1.0"]
    done = CliRunner().invoke(app, ["finite-size", path, *known, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.json").read_text())
    assert [one["system"] for one in found["systems"]] == ["one", "two"]
    for one in found["systems"]:
        assert one["inverse_nu"]["value"] == pytest.approx(INVERSE_NU, abs=0.04)
        assert one["dimensions"]["ratio"] is None
        assert one["dimensions"]["order"]["value"] == pytest.approx(DIMENSION, abs=0.04)
    (pair,) = found["pairs"]
    assert pair["systems"] == ["one", "two"] and pair["one_class"] is True
    assert pair["distance_factor"]["value"] == pytest.approx(1 / 1.6, abs=0.05)
    said = " ".join(done.stdout.split())
    assert (
        "critical point 1 (given), 1/nu 0." in said
        and "one and two one universality class: the exponents agree" in said
    )


def test_the_verb_names_what_is_wrong(tmp_path):
    good = written(tmp_path / "good.csv", points=5)
    bad = tmp_path / "bad.csv"
    bad.write_text("observable,size,t,worth,error\nratio,1,1,1,1\n")
    holes = tmp_path / "holes.csv"
    holes.write_text(Path(good).read_text().replace("one,ratio,32,", "one,ratio,x,", 1))
    for arguments, words in (
        (["nowhere.csv"], "is not there"),
        ([str(bad)], "has no column for value. It has: observable"),
        ([str(holes)], "row 1: size is 'x', not a finite number"),
        ([good, "--critical", "ona=1"], "Did you mean 'one'"),
        ([good, "--critical", "one=x"], "--critical takes SYSTEM=T"),
        ([good, "--margin", "3"], "--margin is a share"),
    ):
        failed = CliRunner().invoke(app, ["finite-size", *arguments])
        assert isinstance(failed.exception, InputError) and words in str(failed.exception)


# ---- data that others measured


@functools.cache
def magnets(lattice: str) -> list[Table]:
    folder = DATA / "ising2d_fss"
    if not folder.is_dir():
        pytest.skip(f"no Ising tables in {folder}; set ONECURVE_EXTERNAL_CURVES")
    columns = [np.loadtxt(folder / f"ising-{lattice}-{name}.dat").T for name in "BM"]
    return [
        Table(sizes=a, t=b, y=c, se=d, dimensionless=first)
        for first, (a, b, c, d) in zip((True, False), columns, strict=True)
    ]


@functools.cache
def magnet_fit(lattice: str, critical: float | None):
    return fit_scaling(magnets(lattice), rng=np.random.default_rng(0), critical=critical, resamples=29)


EXACT = {"square": np.log(1 + np.sqrt(2)) / 2, "tri": np.log(3) / 4}


@pytest.mark.parametrize("lattice", EXACT)
@pytest.mark.parametrize("known", [True, False], ids=["critical point known", "fitted"])
def test_magnets_have_the_exact_exponents(lattice, known):
    critical = EXACT[lattice]
    found = magnet_fit(lattice, critical if known else None)
    assert found.inverse_nu.value == pytest.approx(1.0, rel=0.02)
    assert -found.dimensions[1].value == pytest.approx(1 / 8, rel=0.03)
    assert found.critical.value == pytest.approx(critical, rel=1e-4)


def test_both_lattices_are_one_class():
    fits = []
    for lattice, critical in EXACT.items():
        fits.append((magnets(lattice), magnet_fit(lattice, critical)))
    found = compare_systems(*fits)
    assert found.one_class is True
    assert found.high < 0.02
    assert found.distance_factor.value == pytest.approx(1.75, abs=0.03)


def test_percolation_has_the_exact_exponents():
    path = DATA / "pyfssa_percolation" / "bond_percolation.csv"
    if not path.is_file():
        pytest.skip(f"no percolation table at {path}; set ONECURVE_EXTERNAL_CURVES")
    with path.open() as lines:
        rows = [r for r in csv.DictReader(lines) if r["lattice"] == "bond_grid_2d" and int(r["L"]) >= 64]
    rows = rows[::5]

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    tables = [
        Table(
            sizes=column("L"),
            t=column("p"),
            y=column(f"{name}_mean"),
            se=(column(f"{name}_ci_hi") - column(f"{name}_ci_lo")) / 2,
            dimensionless=name == "perc_prob",
        )
        for name in ("perc_prob", "max_cluster_frac")
    ]
    found = fit_scaling(tables, rng=np.random.default_rng(0), resamples=29)
    assert found.inverse_nu.value == pytest.approx(3 / 4, rel=0.02)
    assert -found.dimensions[1].value == pytest.approx(5 / 48, rel=0.05)
    assert found.critical.value == pytest.approx(0.5, abs=5e-4)


# ---- corrections to scaling, and other people's columns


def drifting(rng, omega, *, noise=1e-3, sizes=(8, 16, 32, 64, 128), points=9):
    """A ratio and an order parameter with an exact power correction: their crossings drift."""
    size = np.repeat(np.array(sizes, dtype=float), points)
    u = np.tile(np.linspace(-1.5, 1.5, points), len(sizes))
    t, decay = CRITICAL + u * size**-INVERSE_NU, size**-omega
    ratio = 0.5 * (1 + np.tanh(u)) + decay * (0.3 + 0.15 * u)
    order = size**DIMENSION * np.exp(0.6 * np.tanh(0.8 * u) + decay * (0.15 * u - 0.3))
    noises = noise * rng.normal(size=(2, len(size)))
    return [
        Table(sizes=size, t=t, y=ratio + noises[0], se=np.full(len(size), noise), dimensionless=True),
        Table(sizes=size, t=t, y=order * np.exp(noises[1]), se=noise * order),
    ]


@pytest.mark.parametrize("omega", [0.8, 1.3])
def test_drifting_crossings_need_a_correction_and_its_exponent_is_found(omega):
    rng = np.random.default_rng(1)
    tables = drifting(rng, omega)
    found = fit_scaling(tables, rng=rng, corrections=True, resamples=19)
    assert found.status == OK and found.goodness >= 0.05 > found.plain_goodness
    assert found.omega.value == pytest.approx(omega, abs=0.1)
    assert found.critical.value == pytest.approx(CRITICAL, abs=2e-4)
    assert found.inverse_nu.value == pytest.approx(INVERSE_NU, abs=0.01)
    assert found.dimensions[1].value == pytest.approx(DIMENSION, abs=0.005)
    plain = fit_scaling(tables, rng=rng, resamples=19)
    if isinstance(plain, Missing):
        assert plain.status.code == "no-scaling-window-without-correction"
    else:
        assert abs(plain.inverse_nu.value - INVERSE_NU) > 0.01


def test_a_correction_needs_four_sizes():
    rng = np.random.default_rng(0)
    found = fit_scaling(system(rng), rng=rng, corrections=True)
    assert isinstance(found, Missing) and found.status == because("correction-needs-sizes", needed=4, sizes=3)


def test_the_verb_fits_corrections_and_says_what_it_took(tmp_path):
    made = drifting(np.random.default_rng(1), 1.0)[1]
    rows = ["L,p,estimator,standard_error"]
    rows += [f"{a:g},{b:.9g},{c:.9g},{d:.9g}" for a, b, c, d in zip(made.sizes, made.t, made.y, made.se, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    path, out = str(tmp_path / "t.csv"), str(tmp_path / "o.json")
    done = CliRunner().invoke(app, ["finite-size", path, "--corrections", "--critical", "system=1", "--json", out])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "'L' is taken for size" in said and "no column dimensionless" in said and "omega" in said
    (one,) = json.loads(Path(out).read_text())["systems"]
    assert one["inverse_nu"]["value"] == pytest.approx(INVERSE_NU, abs=0.03)
    renamed = (tmp_path / "t.csv").read_text().replace("L,p,", "L,mine,")
    (tmp_path / "t.csv").write_text(renamed)
    failed = CliRunner().invoke(app, ["finite-size", path])
    assert "no column for t" in str(failed.exception) and "--column t=..." in str(failed.exception)
    from onecurve.scripts.verbs.finite_size import read_systems

    systems, _ = read_systems([path], ["tau=mine"])
    assert systems["system"][1][0].t[0] == pytest.approx(made.t[0])


def test_errors_of_zero_say_what_to_do():
    ones = np.ones(4)
    with pytest.raises(InputError, match="all of 4 have none.*Give the error of the mean over independent samples"):
        Table(sizes=np.array([1.0, 1, 2, 2]), t=ones, y=ones, se=0 * ones)
