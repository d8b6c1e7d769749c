"""Figures: what is drawn is what the table beside them holds, and hard cases are drawn or said, never dropped."""

from __future__ import annotations

import csv
import dataclasses
import io
import subprocess
import sys
from collections import Counter

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from onecurve.collapse import figures
from onecurve.collapse.controls.unrelated import Unrelated
from onecurve.collapse.drawing import across, charts, lettering
from onecurve.collapse.drawing.headings import p_value, percent
from onecurve.collapse.drawing.lettering import text_width, wrap
from onecurve.collapse.drawing.limits import log_ticks
from onecurve.collapse.drawing.palette import HUES, family_colors, family_markers, shades
from onecurve.collapse.drawing.panels import short_number
from onecurve.collapse.drawing.sheet import COLUMNS, Sheet
from onecurve.collapse.drawing.styles import STYLES
from onecurve.collapse.outcome import (
    AcrossFamilies,
    Analysis,
    Bounds,
    Extent,
    FamilyDeviation,
    GroupResult,
    IrreducibleLoss,
    Key,
    RescaledGroup,
    Residuals,
)
from onecurve.collapse.reasons import because
from onecurve.collapse.sentences.reasons import say
from onecurve.collapse.within.exactness import Exactness
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet, LearningCurve
from onecurve.results.group_names import full_name, told_apart

X = np.geomspace(0.1, 0.98, 24)
MARGIN = 0.03


def make_group(
    family="mlp",
    dataset="fourier",
    *,
    rungs=5,
    seeds=5,
    drift=0.0,
    noise=0.01,
    floor: float | None = 0.1,
    control=None,
    recipe="3f2a",
    leg="decayed",
    reason=None,
    bare=False,
    **changes,
) -> tuple[GroupResult, list[LearningCurve]]:
    """A group whose rungs differ in the exponent by ``drift`` a rung, with everything worked out by hand."""
    rng = np.random.default_rng(abs(hash((rungs, seeds))) % 1000)
    sizes = 1200.0 * 2.0 ** np.arange(rungs)
    grid = np.concatenate([[0.0, 0.02, 0.05], X, [1.0]])
    curves, values = [], []
    for rank, size in enumerate(sizes):
        z = -(0.5 + drift * (rank - (rungs - 1) / 2)) * np.log(X)
        rows = z + noise * np.cumsum(rng.standard_normal((seeds, 24)), axis=1)[:, ::-1] / 4
        values.append(rows)
        end = 0.4 * size**-0.2
        for seed, row in enumerate(rows):
            inner = np.exp(np.concatenate([np.log([40.0, 8.0, 5.0]), row, [0.0]]))
            curves.append(
                LearningCurve(
                    family=family, dataset=dataset, recipe=recipe, leg=leg, size=size, seed=seed, x=grid,
                    loss=(floor or 0.1) + end * inner, irreducible_loss=floor, control=control, rung=f"width {rank}",
                )
            )  # fmt: skip
    means = np.array([rows.mean(axis=0) for rows in values])
    d = means - means.mean(axis=0)
    se = np.array([rows.std(axis=0, ddof=1) if seeds > 1 else np.zeros(24) for rows in values]) / np.sqrt(seeds)
    deviation = float(np.abs(d).max())
    unrelated = -rng.uniform(0.2, 0.8, 12)[:, None] * np.log(X)
    upper = deviation + 2 * float(se.max())
    verdict = "collapse" if upper < MARGIN else "no-collapse"
    group = GroupResult(
        key=Key(
            family=family, dataset=dataset, recipe=recipe, recipe_label="adam, linear, muP", leg=leg, control=control
        ),
        extent=Extent(n_rungs=rungs, n_seeds=seeds, x_min=0.1, x_max=0.98, overlap=1.0),
        irreducible_loss=IrreducibleLoss(
            value=floor, low=floor, high=floor, source="known" if floor is not None else "none"
        ),
        exact=Exactness(p=0.31 if verdict == "collapse" else 0.0005),
        shape=Exactness(p=0.5),
        bounds=Bounds(
            deviation=deviation, lower_bound=max(0.0, deviation - 4 * float(se.max())), upper_bound=upper
        ),
        margin=MARGIN,
        noise_floor=0.011,
        null=Unrelated(deviation=0.26, bands=(), curves=unrelated, warning=None),
        verdict=verdict,
        evidence="confirmatory",
        reason=reason,
        rescaled=RescaledGroup(
            scale="end-point", x=X, sizes=sizes, rungs=tuple(f"width {k}" for k in range(rungs)),
            values=tuple(values), seeds=tuple(tuple(range(seeds)) for _ in sizes), phase=None, rate=None,
        ),
        residuals=Residuals(d=d, se=se, df=np.full_like(d, max(seeds - 1, 1))),
    )  # fmt: skip
    if bare:
        parts = ("exact", "shape", "null", "residuals", "rescaled", "noise_floor")
        bare_changes = dict.fromkeys(parts) | {"bounds": Bounds(), "verdict": "cannot-tell", "evidence": "exploratory"}
        group = change(group, **bare_changes, x_min=None, x_max=None, overlap=None)
    return change(group, **changes), curves


def change(group: GroupResult, **changes) -> GroupResult:
    """The group with fields of its own or of its parts replaced."""
    fields = {field.name for field in dataclasses.fields(group)}
    for name, value in changes.items():
        if name in fields:
            group = dataclasses.replace(group, **{name: value})
            continue
        part, inner = PARTS[name]
        group = dataclasses.replace(group, **{part: dataclasses.replace(getattr(group, part), **{inner: value})})
    return group


PARTS = {
    **{name: ("key", name) for name in ("recipe_label", "control")},
    **{name: ("extent", name) for name in ("x_min", "x_max", "overlap", "n_censored")},
    **{name: ("bounds", name) for name in ("deviation", "lower_bound", "upper_bound")},
    **{name: ("residuals", name) for name in ("d", "se", "df", "band")},
    "p_exact": ("exact", "p"),
    "p_shape": ("shape", "p"),
    "unrelated": ("null", "curves"),
    "unrelated_deviation": ("null", "deviation"),
}


def shape_group(family="vit", dataset="photos", **more) -> tuple[GroupResult, list[LearningCurve]]:
    """A group without a floor, on the shape scale."""
    group, curves = make_group(family, dataset, floor=None, p_exact=None, evidence="exploratory", **more)
    rescaled = group.rescaled
    assert rescaled is not None
    q = tuple((np.exp(rows) - 1) / 1.2 for rows in rescaled.values)
    shape = dataclasses.replace(rescaled, scale="shape", values=q)
    unrelated = (np.exp(group.unrelated) - 1) / 1.2
    return change(group, rescaled=shape, unrelated=unrelated), curves


def censor(curve: LearningCurve, until: int) -> LearningCurve:
    """The curve as if it had diverged after ``until`` evaluations."""
    return dataclasses.replace(curve, x=curve.x[:until], loss=curve.loss[:until], status="diverged")


def collect(*parts, across=()) -> tuple[Analysis, CurveSet]:
    groups = tuple(group for group, _ in parts)
    return Analysis(groups=groups, across_families=tuple(across)), CurveSet.of(c for _, own in parts for c in own)


def compare(dataset="fourier", families=("mlp", "vit", "resnet")) -> AcrossFamilies:
    members = []
    for place, family in enumerate(families):
        difference = 0.03 * (place - 1) * (X - 0.5)
        size = float(np.abs(difference).max()) or 0.001
        members.append(
            FamilyDeviation(
                family=family, recipe="3f2a", name=family, deviation=size, low=0.0 if place == 1
                else 0.6 * size, high=1.4 * size, where=(0.1, 0.3) if place == 2 else None, verdict="approximate",
                reason=None, x=X, difference=difference,
            )
        )  # fmt: skip
    members.append(
        FamilyDeviation(
            family="a_family_with_a_rather_long_name", recipe="77", name="a_family_with_a_rather_long_name",
            deviation=None, low=None, high=None, where=None,
            verdict="cannot-tell", reason=because("not-on-the-others-grid"),
        )
    )  # fmt: skip
    return AcrossFamilies(
        dataset=dataset, leg="decayed", scale="end-point", smallest_model="own-exponents-one-form",
        per_family=tuple(members),
    )  # fmt: skip


def usual() -> tuple[Analysis, CurveSet]:
    """Two controls, three families on one data set, one on another."""
    return collect(
        make_group("linear", "power-law", control="fails", drift=0.04),
        make_group("linear-right", "power-law", control="holds"),
        make_group("mlp"),
        make_group("vit", drift=0.002, verdict="approximate", p_exact=0.004),
        make_group("resnet", drift=0.03),
        shape_group(),
        across=[compare()],
    )


def hard() -> tuple[Analysis, CurveSet]:
    """One data set with eight families: twelve rungs, one rung, long names, nothing rescaled, censored, excess <= 0."""
    parts = [
        make_group(f"family_{k}_with_a_name_of_some_length_{'x' * k}", rungs=12 if k == 0 else 3 + k % 3, seeds=3)
        for k in range(6)
    ]
    none = dict.fromkeys(("d", "se", "df", "unrelated", "deviation", "lower_bound", "upper_bound", "p_exact"))
    parts.append(make_group("mlp", rungs=1, reason="fewer than 3 rungs", verdict="cannot-tell", **none))
    group, curves = make_group("resnet", bare=True, reason="censored or diverged runs: 12 of 25 ended early " * 4)
    curves = [censor(curve, 12) if rank % 2 else curve for rank, curve in enumerate(curves)]
    curves[0] = dataclasses.replace(curves[0], loss=curves[0].loss - 0.3)
    curves[2] = dataclasses.replace(curves[2], x=curves[2].x[:0], loss=curves[2].loss[:0], status="oom")
    return collect(*parts, (group, curves))


def numbers(sheet: Sheet, **wanted: object) -> list[dict[str, str]]:
    """The rows of the table beside a figure, read back from text."""
    rows = list(csv.DictReader(io.StringIO(sheet.table())))
    return [row for row in rows if all(row[name] == str(value) for name, value in wanted.items())]


def points_in_axes(figure: Figure) -> Counter:
    """Every finite point of every line in the axes."""
    lines = (line for axes in figure.axes for line in axes.lines)
    pairs = (pair for line in lines for pair in np.asarray(line.get_xydata(), dtype=float))
    return Counter((float(x), float(y)) for x, y in pairs if np.isfinite([x, y]).all())


def words_in(figure: Figure) -> str:
    """Everything written in a figure, line breaks as blanks."""
    texts = [text.get_text() for text in figure.findobj(Text)]
    return " ".join(" ".join(texts).replace("\u00a0", " ").split())


def key_of(figure: Figure) -> list[str]:
    """The entries of the key, line breaks as blanks."""
    (legend,) = figure.legends
    return [text.get_text().replace("\n", " ") for text in legend.get_texts()]


def panel(figure: Figure, label: str, number: int = 0):
    """The panel with that y label, the first such or a later one."""
    return [axes for axes in figure.axes if label in axes.get_ylabel().replace("\n", " ")][number]


def dataset_sheet(parts: tuple[Analysis, CurveSet], name: str = "fourier") -> Sheet:
    return figures._dataset_sheet(*parts, name)


@pytest.mark.parametrize("parts", [usual, hard])
def test_table_holds_exactly_what_the_lines_of_a_data_set_show(parts):
    sheet = dataset_sheet(parts())
    written = Counter((float(row["x"]), float(row["y"])) for row in numbers(sheet))
    assert written == points_in_axes(sheet.figure)
    assert sum(written.values()) > 1000


def test_plotted_numbers_are_those_of_the_analysis():
    group, curves = make_group()
    sheet = dataset_sheet(collect((group, curves)))
    assert group.rescaled is not None and group.d is not None and group.se is not None
    rung = {"size": group.rescaled.sizes[2], "rung": "width 2"}
    mean = [float(row["y"]) for row in numbers(sheet, series="rung mean", **rung)]
    np.testing.assert_allclose(mean, np.exp(group.rescaled.values[2].mean(axis=0)), rtol=1e-12)
    seed = [float(row["y"]) for row in numbers(sheet, series="seed", seed=3, **rung)]
    np.testing.assert_allclose(seed, np.exp(group.rescaled.values[2][3]), rtol=1e-12)
    rows = numbers(sheet, series="deviation", **rung)
    np.testing.assert_allclose([float(row["y"]) for row in rows], group.d[2] / MARGIN, rtol=1e-9)
    noise = numbers(sheet, series="noise band")
    half = 2.7764451 * group.se.max(axis=0) / MARGIN  # t quantile .975 at 4 degrees of freedom
    np.testing.assert_allclose([float(row["high"]) for row in noise], half, rtol=1e-6)
    np.testing.assert_allclose([float(row["low"]) for row in noise], -half, rtol=1e-6)
    assert {row["y"] for row in noise} == {"0.0"} and {row["high"] for row in rows} == {""}
    raw = [float(row["y"]) for row in numbers(sheet, series="trial", seed=3, **rung)]
    np.testing.assert_allclose(raw, curves[2 * 5 + 3].loss[1:] - 0.1, rtol=1e-12)
    fan = [float(row["y"]) for row in numbers(sheet, panel="collapsed", series="unrelated 4")]
    assert group.unrelated is not None
    np.testing.assert_allclose(fan, np.exp(group.unrelated[4]), rtol=1e-12)
    assert {row["y"] for row in numbers(sheet, series="margin")} == {"1.0", "-1.0"}


def test_shape_scale_is_drawn_as_it_is():
    group, curves = shape_group()
    sheet = dataset_sheet(collect((group, curves)), "photos")
    assert group.rescaled is not None
    mean = [float(row["y"]) for row in numbers(sheet, series="rung mean", rung="width 1")]
    np.testing.assert_allclose(mean, group.rescaled.values[1].mean(axis=0), rtol=1e-12)
    assert panel(sheet.figure, "mean improvement").get_yscale() == "linear"
    assert "no irreducible loss is known" in words_in(sheet.figure)
    raw = [float(row["y"]) for row in numbers(sheet, series="trial", rung="width 1", seed=0)]
    np.testing.assert_allclose(raw, curves[5].loss[1:], rtol=1e-12)


@pytest.mark.parametrize(
    "change, label",
    [
        ({}, "95 % pointwise noise band around zero, noisiest size (t quantile × standard error)"),
        ({"df": None}, "95 % pointwise noise band around zero, noisiest size (1.96 × standard error)"),
        (
            {"band": np.full((5, 24), 0.01)},
            "95 % simultaneous noise band around zero, noisiest size (wild bootstrap over seeds)",
        ),
    ],
)
def test_band_says_what_it_is(change, label):
    sheet = dataset_sheet(collect(make_group(**change)))
    assert [said for said in key_of(sheet.figure) if "band" in said] == [label, "edge of each size's own band"]


def test_noise_band_is_that_of_the_noisiest_rung_at_each_x():
    band = np.full((5, 24), 0.006)
    band[1, :10], band[3, 10:], band[4, 20] = 0.012, 0.018, np.nan
    sheet = dataset_sheet(collect(make_group(band=band)))
    rows = numbers(sheet, panel="residual", series="noise band")
    assert [float(row["high"]) for row in rows] == pytest.approx([0.4] * 10 + [0.6] * 14)
    assert [float(row["low"]) for row in rows] == pytest.approx([-0.4] * 10 + [-0.6] * 14)
    (area,) = panel(sheet.figure, "over the margin").collections
    edges = np.asarray(area.get_paths()[0].vertices)
    assert (edges[:, 1].min(), edges[:, 1].max()) == pytest.approx((-0.6, 0.6))
    (red, green, blue, _), *_ = np.asarray(area.get_facecolor())
    assert red == green == blue < 1


def test_each_size_has_the_edges_of_its_own_band():
    band = np.full((5, 24), 0.006)
    band[3] = 0.018
    rows = numbers(dataset_sheet(collect(make_group(band=band))), panel="residual", series="own band")
    reach = np.abs([float(row["y"]) for row in rows]).reshape(5, 48)
    assert reach == pytest.approx(np.where(np.arange(5) == 3, 0.6, 0.2)[:, None] * np.ones(48))


def test_residuals_are_drawn_over_the_noise_and_without_unrelated_curves():
    sheet = dataset_sheet(usual())
    assert {row["panel"] for row in numbers(sheet) if "unrelated" in row["series"]} == {"collapsed"}
    axes = panel(sheet.figure, "over the margin")
    zero, *lines, low, high = axes.lines
    rungs, own = lines[:5], lines[5:]
    assert len(axes.collections) == 1 and len(own) == 10
    assert [line.get_color() for line in own[::2]] == [line.get_color() for line in rungs]
    assert max(axes.collections[0].zorder, zero.zorder) < min(line.zorder for line in rungs)
    assert {line.get_linestyle() for line in (low, high)} == {":"} and not np.any(zero.get_ydata())


def test_no_band_without_standard_errors():
    sheet = dataset_sheet(collect(make_group(se=None, df=None)))
    assert "band" not in words_in(sheet.figure)
    assert numbers(sheet, series="deviation") and not numbers(sheet, series="noise band")
    assert {row["high"] for row in numbers(sheet)} == {""}


def test_key_has_one_entry_for_trials():
    for sheet in (dataset_sheet(usual()), figures._summary_sheet(*usual())):
        said = [text for text in key_of(sheet.figure) if "trial" in text or "one seed" in text]
        assert said == ["one trial (one seed of a model size)"]


def test_generous_controls_are_called_so():
    figure = figures.draw_dataset(
        *collect(
            make_group(
                null=Unrelated(
                    deviation=0.26, bands=(), curves=-np.log(X)[None], warning=because("control-at-constant-rate")
                )
            )
        ),
        "fourier",
    )
    assert "a generous control" in words_in(figure)
    assert "generous" not in words_in(figures.draw_dataset(*collect(make_group()), "fourier"))


def test_curves_that_the_loss_scale_cannot_show_at_all_are_still_said():
    group, curves = make_group(rungs=2, seeds=2)
    sunk = [dataclasses.replace(curve, loss=curve.loss * 0) for curve in curves]
    words = words_in(figures.draw_dataset(*collect((group, sunk)), "fourier"))
    assert "points off the log axes: 4 at x ≤ 0, 108 at y ≤ 0" in words
    start = [dataclasses.replace(curve, x=curve.x[:1], loss=curve.loss[:1], status="oom") for curve in curves]
    assert "4 of 4 trials" in words_in(figures.draw_dataset(*collect((group, start)), "fourier"))


def test_heading_has_verdict_and_numbers():
    words = words_in(figures.draw_dataset(*collect(make_group(reason="an odd rung")), "fourier"))
    assert "collapse (confirmatory)" in words and "an odd rung" in words
    assert "p_exact 0.31, deviation 1 %, U95 2.5 %" in words


def test_what_a_logarithmic_axis_cannot_show_is_counted():
    sheet = dataset_sheet(hard())
    words = words_in(sheet.figure)
    # 24 whole or censored trials start at x = 0; one trial lies below its floor from x = 0.05 or later on.
    assert "24 at x ≤ 0" in words and "at y ≤ 0" in words
    assert "13 of 25 trials ended early" in words and "1 without a single point" in words
    assert min(float(row["x"]) for row in numbers(sheet, panel="raw")) > 0


def test_censored_trials_are_dashed_and_whole_ones_are_not():
    group, curves = make_group(rungs=3, seeds=3)
    sheet = dataset_sheet(collect((group, [censor(curve, 9) if curve.seed == 1 else curve for curve in curves])))
    lines = panel(sheet.figure, "above L0").lines
    dashed = [line for line in lines if line.is_dashed()]
    assert len(lines) == 9 and len(dashed) == 3
    assert all(np.nanmax(np.asarray(line.get_xdata())) < 0.9 for line in dashed)
    assert len({row["size"] for row in numbers(sheet, series="censored trial")}) == 3


def test_negative_losses_without_a_floor_get_a_linear_axis():
    group, curves = shape_group()
    sunk = [dataclasses.replace(curve, loss=curve.loss - 1) for curve in curves]
    figure = figures.draw_dataset(*collect((group, sunk)), "photos")
    assert panel(figure, "test loss").get_yscale() == "linear"
    assert "at y ≤ 0" not in words_in(figure)


def test_failing_control_lies_below_the_right_one_on_the_same_axes():
    figure = figures.draw_dataset(*usual(), "power-law")
    for label in ("above L0", "final value", "over the margin"):
        above, below = panel(figure, label, 0), panel(figure, label, 1)
        assert above.get_position().y0 > below.get_position().y1
        assert above.get_position().x0 == below.get_position().x0
        assert above.get_ylim() == below.get_ylim() and above.get_xlim() == below.get_xlim()
    right, wrong = panel(figure, "over the margin", 0), panel(figure, "over the margin", 1)
    highest = [max(np.abs(line.get_ydata()).max() for line in axes.lines[:5]) for axes in (right, wrong)]
    assert highest[0] < 1 < highest[1] < wrong.get_ylim()[1]
    words = words_in(figure)
    assert words.index("must collapse") < words.index("must fail")


def five(**more) -> Sheet:
    """Five families on one data set, of which no two span the same values."""
    names = ("mlp", "vit", "resnet", "cnn", "decoder")
    return dataset_sheet(collect(*(make_group(name, drift=0.01 * k, **more) for k, name in enumerate(names))))


def test_columns_of_a_data_set_share_their_limits():
    figure = five().figure
    panels = [axes for axes in figure.axes if axes.get_xscale() == "log"]
    assert len(panels) == 15
    for row in range(3):
        alike = panels[row::3]
        assert len({axes.get_ylim() for axes in alike}) == 1 and len({axes.get_xlim() for axes in alike}) == 1
        low, high = alike[0].get_ylim()
        drawn = [line.get_ydata() for axes in alike for line in axes.lines if line.zorder > 1.5]
        assert low < min(map(np.nanmin, drawn)) and max(map(np.nanmax, drawn)) < high


def test_key_takes_the_empty_place_if_it_fits():
    figure = five().figure
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    panels = [axes.get_window_extent() for axes in figure.axes if axes.get_xscale() == "log"]
    assert box.x0 == pytest.approx(panels[6].x0) and box.x1 < figure.bbox.x1
    assert max(axes.x1 for axes in panels[9:]) < box.x0 and box.y1 < min(axes.y0 for axes in panels[:9])
    assert box.y0 > panels[-1].y0
    # Without the key below them the lowest panels end the page.
    assert min(axes.y0 for axes in panels) < 0.75 * figure.dpi
    full = dataset_sheet(collect(*(make_group(f"family {k}") for k in range(4)))).figure
    FigureCanvasAgg(full).draw()
    assert full.legends[0].get_window_extent().y1 < min(axes.get_window_extent().y0 for axes in full.axes)


def test_key_that_is_too_deep_for_the_empty_place_goes_below():
    depth = []
    for high in (0.2, 5.0):
        sheet = Sheet(6.0)
        axes = sheet.axes(0.5, 0.2, 2.0, 5.0)
        for entry in range(9):
            sheet.key(f"entry {entry}", axes.plot([1], [1])[0])
        figure = sheet.finish(5.5, (3.0, 0.2, 2.5, high)).figure
        FigureCanvasAgg(figure).draw()
        assert len(figure.legends) == 1
        depth.append((figure.get_size_inches()[1], figure.legends[0].get_window_extent().y1 < 5.3))
    assert depth[0][0] > 5.9 and figure.get_size_inches()[1] == pytest.approx(5.6)
    assert figure.legends[0].get_window_extent().y1 == pytest.approx(5.4 * figure.dpi, abs=1)


def test_headings_beside_each_other_are_level():
    parts = [make_group("mlp"), make_group("linear", "law", control="fails", reason="some reason")]
    figure = figures.draw_summary(*collect(*parts, make_group("linear", "law", control="holds", recipe="b")))
    height = {text.get_text(): [] for text in figure.texts}
    for text in figure.texts:
        height[text.get_text()].append(text.get_position()[1])
        assert text.get_va() == "baseline"
    names = height["linear on law"] + height["mlp on fourier"]
    assert len(names) == 3 and len(set(names)) == 1
    roles = height["control that must collapse"] + height["control that must fail"] + height["network"]
    assert len(roles) == 3 and len(set(roles)) == 1 and roles[0] < names[0]
    verdicts = height["collapse (confirmatory)"]
    assert len(verdicts) == 3 and len(set(verdicts)) == 1 and verdicts[0] < roles[0]


def test_deviations_up_to_ten_margins_stand_on_a_linear_axis():
    group, curves = make_group(drift=0.05)
    assert group.d is not None
    for largest, scale in ((9.5, "linear"), (10.5, "symlog")):
        d = group.d * largest * MARGIN / np.abs(group.d).max()
        figure = dataset_sheet(collect((change(group, d=d), curves))).figure
        assert panel(figure, "over the margin").get_yscale() == scale


def test_huge_deviations_do_not_flatten_the_others():
    for drift in (0.25, 2.5, 40):
        figure = figures.draw_dataset(*collect(make_group(drift=drift), make_group("vit")), "fourier")
        axes = panel(figure, "logarithmic beyond ±3")
        assert axes.get_yscale() == "symlog" and axes.get_ylim()[1] > 120 * drift
        # The margin is told from zero: a tenth of the way to the edge at the least.
        to_page = axes.transData.transform([(0.5, 0), (0.5, 1), (0.5, axes.get_ylim()[1])])[:, 1]
        assert to_page[1] - to_page[0] > 0.08 * (to_page[2] - to_page[0])
        FigureCanvasAgg(figure).draw()
        shown = [text for text in _drawn(figure, axes.get_yticklabels()) if text.get_text()]
        boxes = sorted((text.get_window_extent() for text in shown), key=lambda box: box.y0)
        assert 5 <= len(boxes) <= 7
        assert all(below.y1 < above.y0 for below, above in zip(boxes, boxes[1:], strict=False))


@pytest.mark.parametrize("shape", [False, True])
def test_large_fans_are_thinned_evenly_and_it_is_said(shape):
    group, curves = shape_group("mlp", "fourier") if shape else make_group()
    fan = -np.random.default_rng(5).permutation(np.linspace(0.2, 0.8, 200))[:, None] * np.log(X)
    sheet = dataset_sheet(collect((change(group, unrelated=fan), curves)))
    assert "12 of 200 unrelated curves drawn" in words_in(sheet.figure)
    drawn = {row["series"] for row in numbers(sheet, panel="collapsed") if "unrelated" in row["series"]}
    rank = np.argsort(np.argsort(fan[:, 0]))
    ranks = sorted(rank[int(name.split()[1])] for name in drawn)
    assert len(ranks) == 12 and ranks[0] == 0 and ranks[-1] == 199
    assert set(np.diff(ranks)) <= {18, 19}
    assert "unrelated curves drawn" not in words_in(dataset_sheet(collect(make_group())).figure)


def test_deviations_are_sorted_and_hold_the_numbers():
    analysis, _ = usual()
    sheet = charts.deviations_sheet(analysis)
    rows = numbers(sheet, series="deviation")
    assert [(row["dataset"], row["family"]) for row in rows] == [
        ("power-law", "linear-right"), ("power-law", "linear"), ("fourier", "mlp"), ("fourier", "vit"),
        ("fourier", "resnet"), ("photos", "vit"),
    ]  # fmt: skip
    by_name = {(group.dataset, group.family): group for group in analysis.groups}
    for row in rows:
        group = by_name[row["dataset"], row["family"]]
        expected = [
            100 * value for value in (group.deviation, group.lower_bound, group.upper_bound) if value is not None
        ]
        assert [float(row[name]) for name in ("y", "low", "high")] == pytest.approx(expected)
    dots = points_in_axes(sheet.figure)
    for row in rows:
        assert dots[float(row["y"]), float(row["x"])] == 1
    assert {float(row["y"]) for row in numbers(sheet, series="unrelated")} == {26.0}
    assert {float(row["y"]) for row in numbers(sheet, series="margin")} == {3.0}


def test_rows_on_the_shape_scale_are_marked():
    words = words_in(figures.draw_deviations(usual()[0]))
    assert words.count("(shape)") == 2 and "vit on photos (shape)" in words and "(shape): on the shape scale" in words
    assert "relative to the mean improvement and cannot be compared with the others" in words
    assert "shape)" not in words_in(figures.draw_deviations(collect(make_group())[0]))


def test_group_without_a_number_says_why():
    analysis, _ = collect(make_group(), make_group("vit", bare=True, reason="L0 not identified"))
    sheet = charts.deviations_sheet(analysis)
    assert "no number: L0 not identified" in words_in(sheet.figure)
    assert not numbers(sheet, family="vit") and numbers(sheet, family="mlp")
    words = words_in(sheet.figure)
    assert words.index("mlp on fourier") < words.index("vit on fourier")
    mixed, _ = collect(make_group("vit", upper_bound=None), make_group())
    rows = numbers(charts.deviations_sheet(mixed), series="deviation")
    assert [(row["family"], row["high"] == "") for row in rows] == [("mlp", False), ("vit", True)]


def test_families_against_the_others():
    sheet = across.across_sheet(Analysis(groups=(), across_families=(compare(),)))
    words = words_in(sheet.figure)
    assert "own-exponents-one-form" in words and "cannot-tell: its curves" in words
    y = [float(row["y"]) for row in numbers(sheet, family="resnet", series="difference")]
    np.testing.assert_allclose(y, 3 * (X - 0.5), rtol=1e-12)
    heavy = [float(row["x"]) for row in numbers(sheet, family="resnet", series="difference, significant")]
    assert heavy == [x for x in X if 0.1 <= x <= 0.3]
    (interval,) = numbers(sheet, family="mlp", series="deviation")
    assert float(interval["low"]) < float(interval["y"]) < float(interval["high"])


def test_two_families_have_one_row_and_reasons_stand_whole():
    three = compare()
    two = dataclasses.replace(three, per_family=three.per_family[:2])
    sheet = across.across_sheet(Analysis(groups=(), across_families=(two,)))
    assert len(numbers(sheet, series="deviation")) == 1
    assert "mlp against vit" in words_in(sheet.figure)
    names = tuple(f"kind{i}" for i in range(12))
    reason = because("differs-from", margin=0.03, families=names)
    odd = dataclasses.replace(three.per_family[0], verdict="no-collapse", reason=reason)
    entry = dataclasses.replace(three, per_family=(odd, *three.per_family[1:]))
    words = words_in(across.across_sheet(Analysis(groups=(), across_families=(entry,))).figure)
    assert "…" not in words and say(reason).split()[-1] in words


def test_summary_chooses_controls_and_the_tightest_network_with_a_known_floor():
    tighter = shape_group("convnet", "other", upper_bound=0.001)
    parts = [make_group("vit", upper_bound=0.02), tighter, make_group("mlp", upper_bound=0.01)]
    parts += [make_group("linear", "law", control="fails"), make_group("linear", "law", control="holds", recipe="b")]
    sheet = figures._summary_sheet(*collect(*parts))
    shown = dict.fromkeys((row["family"], row["recipe"]) for row in numbers(sheet))
    assert list(shown) == [("linear", "b"), ("mlp", "3f2a"), ("linear", "3f2a")]
    assert sheet.figure.get_size_inches()[0] == pytest.approx(9.0)


def test_summary_copes_with_what_is_missing():
    words = words_in(figures.draw_summary(*collect(make_group())))
    assert "No control that must collapse" in words and "No control that must fail" in words
    assert "could be rescaled" in words_in(figures.draw_summary(*collect(make_group(bare=True))))


def test_empty_analysis_is_said():
    empty = Analysis(groups=(), across_families=())
    assert "no group" in words_in(figures.draw_deviations(empty))
    assert "No data set" in words_in(figures.draw_across_families(empty))
    with pytest.raises(InputError, match="data set"):
        figures.draw_dataset(empty, CurveSet(()), "fourier")
    with pytest.raises(InputError, match="Did you mean 'fourier'"):
        figures.draw_dataset(*usual(), "fourrier")


def all_sheets(parts: tuple[Analysis, CurveSet], style: str = "screen", panels=()) -> list[tuple[str, Sheet]]:
    sheets = []
    for name, draw in figures.styled_sheets(*parts, STYLES[style], panels):
        with figures.house_style():
            sheets.append((name, draw()))
    return sheets


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("parts", [usual, hard])
def test_no_text_is_clipped_or_lies_on_other_text(parts, style):
    sheets = all_sheets(parts(), style)
    names = [name for name, _ in sheets]
    assert len(set(names)) == len(names)
    for name, sheet in sheets:
        canvas = FigureCanvasAgg(sheet.figure)
        with figures.house_style():
            canvas.draw()
        page = sheet.figure.bbox
        texts = [text for text in sheet.figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        # Ticks beyond the limits are kept by matplotlib but not drawn: their texts have no place.
        boxes = [(text.get_text(), text.get_window_extent()) for text in _drawn(sheet.figure, texts)]
        for said, box in boxes:
            assert box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= page.x1 + 0.5 and box.y1 <= page.y1 + 0.5, (
                name,
                said,
            )
        for place, (said, box) in enumerate(boxes):
            for other, its in boxes[place + 1 :]:
                across_x, across_y = (
                    min(box.x1, its.x1) - max(box.x0, its.x0),
                    min(box.y1, its.y1) - max(box.y0, its.y0),
                )
                assert across_x <= 1 or across_y <= 1, (name, said, other)


def _drawn(figure: Figure, texts: list[Text]) -> list[Text]:
    hidden = set()
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = min(limits), max(limits)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    return [text for text in texts if text not in hidden]


@pytest.mark.parametrize("style", ["paper", "paper-wide", "slides"])
def test_a_style_has_its_width_its_page_and_the_letters_of_every_other(style):
    for name, sheet in all_sheets(usual(), style):
        width, height = sheet.figure.get_size_inches()
        assert width == STYLES[style].width and height <= 1.05 * STYLES[style].height, (name, height)
        sizes = {text.get_fontsize() for text in sheet.figure.findobj(Text) if text.get_text().strip()}
        assert min(sizes) >= 6.5 and max(sizes) <= 11
        assert min(line.get_linewidth() for line in sheet.figure.findobj(Line2D)) >= 0.5


@pytest.mark.parametrize("style", STYLES)
def test_a_panel_alone_has_the_points_that_it_has_among_the_others(style):
    parts = usual()
    whole = Counter(map(_point, numbers_of(all_sheets(parts), {"raw", "collapsed", "residual"}, "dataset-")))
    alone = all_sheets(parts, style, ("raw", "collapsed", "residuals"))
    assert Counter(map(_point, numbers_of(alone, {"raw", "collapsed", "residual"}, ""))) == whole
    assert {len({point["panel"] for point in sheet.points}) for _, sheet in alone} == {1}
    together = {name.split("-")[0] for name, _ in alone}
    assert together == {"raw", "collapsed", "residuals"} and len(alone) == 3 * len(parts[0].groups)


def numbers_of(sheets, panels, beginning):
    return [point for name, sheet in sheets if name.startswith(beginning) for point in sheet.points
            if point["panel"] in panels]  # fmt: skip


def _point(point):
    return tuple(point[name] for name in COLUMNS)


def test_deviations_over_several_figures_have_one_axis_and_every_group_once():
    analysis, curves = collect(*(make_group(f"kind{k}", drift=0.01 * k) for k in range(9)))
    sheets = all_sheets((analysis, curves), "slides", ("deviations",))
    assert [name for name, _ in sheets] == ["deviations", "deviations-2", "deviations-3"]
    drawn = [row["family"] for _, sheet in sheets for row in numbers(sheet, series="deviation")]
    assert sorted(drawn) == [f"kind{k}" for k in range(9)]
    assert len({sheet.figure.axes[0].get_xlim() for _, sheet in sheets}) == 1


@pytest.mark.parametrize(("panels", "message"), [
    (("residual",), "Did you mean 'residuals'"), (("raw", "differences"), "no data set has two families"),
])  # fmt: skip
def test_panels_that_are_not_there(panels, message, tmp_path):
    with pytest.raises(InputError, match=message):
        figures.save_figures(*collect(make_group()), tmp_path / "figures", panels=panels)
    with pytest.raises(InputError, match="Did you mean 'paper'"):
        figures.save_figures(*collect(make_group()), tmp_path / "figures", style="papr")
    assert not (tmp_path / "figures").exists()


def small() -> tuple[Analysis, CurveSet]:
    return collect(make_group("vit", "CIFAR/10 (grey)", rungs=2, seeds=2), across=[compare()])


def test_saved_files_are_complete_and_the_same_bytes_twice(tmp_path, pdf_fonts, monkeypatch):
    monkeypatch.setitem(lettering._STYLE, "pdf.fonttype", pdf_fonts)
    first = figures.save_figures(*small(), tmp_path / "one")
    # The reader's own settings must not reach the files, and drawing must not change those settings.
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "other", "axes.facecolor": "red"}):
        second = figures.save_figures(*small(), tmp_path / "two")
        assert matplotlib.rcParams["font.size"] == 20
    names = [path.name for path in first]
    stems = dict.fromkeys(name.rsplit(".", 1)[0] for name in names)
    assert names == [f"{stem}.{kind}" for stem in stems for kind in ("png", "svg", "pdf", "csv")]
    assert list(stems)[:3] == ["summary", "deviations", "across-families"]
    assert list(stems)[3].startswith("dataset-cifar-10-grey-") and len(stems) == 4
    assert sorted(names) == sorted(path.name for path in (tmp_path / "one").iterdir())
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    heads = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".csv": b"panel,family,dataset"}
    assert all(path.read_bytes().startswith(heads[path.suffix]) for path in first)
    assert all(b"/FontFile2" in path.read_bytes() for path in first if path.suffix == ".pdf")  # TrueType
    assert not any(b"CreationDate" in path.read_bytes() or b"<dc:date>" in path.read_bytes() for path in first)


def test_file_names_are_safe_and_distinct():
    names = ["fourier", "Fourier", "fourier ", "a/b", "a b", "..", "", "x" * 300]
    safe = [figures.safe_name(name) for name in names]
    assert safe[0] == "fourier" and len(set(safe)) == len(names)
    assert all(len(name) < 80 and name and not set(name) & set("/\\ ") and name[0] != "." for name in safe)


def test_colours_are_stable_and_distinct():
    some, more = family_colors(["mlp", "vit"]), family_colors(["vit", "resnet", "mlp", "mlp"])
    assert some["mlp"] == more["mlp"] == to_rgb(HUES[0]) and some["vit"] == more["vit"]
    many = [f"family {k}" for k in range(len(HUES))]
    assert len(set(family_colors(many).values())) == len(HUES)
    crowd = [f"family {k}" for k in range(25)]
    colors, markers = family_colors(crowd), family_markers(crowd)
    assert len({(colors[name], markers[name]) for name in crowd}) == 25


def test_shades_darken_with_size():
    steps = shades(to_rgb(HUES[1]), [300, 100, 200, 100])
    assert list(steps) == [100, 200, 300]
    light = [sum(color) for color in steps.values()]
    assert light == sorted(light, reverse=True) and len(set(light)) == 3
    assert shades(to_rgb(HUES[1]), [7]) == {7: to_rgb(HUES[1])}


def test_names_differ_where_groups_do():
    one, other = make_group()[0], make_group(recipe="77", recipe_label="sgd")[0]
    third = make_group(recipe="99", leg="constant")[0]
    assert told_apart(one, [one]) == "mlp"
    assert told_apart(other, [one, other]) == "mlp, sgd"
    assert told_apart(other, [change(one, control="holds"), other]) == "mlp"
    assert len({told_apart(group, [one, other, third]) for group in (one, other, third)}) == 3
    assert [told_apart(group, [one, third]) for group in (one, third)] == ["mlp, decayed rate", "mlp, constant rate"]
    assert full_name(third, [one, other, third]) == f"mlp on {third.dataset}, constant rate"


def test_of_a_setting_a_name_has_what_differs():
    def named(recipe, label, peers=(), **about):
        return told_apart(make_group(recipe=recipe, recipe_label=label, **about)[0], peers)

    words = "adam(beta1=0.9, eps=1e-08) {}, linear, muP, batch {}, horizon {}"
    made = {"a": words.format(0.1, 8, 600), "b": words.format(0.2, 8, 600), "c": words.format(0.2, 16, 600)}
    peers = [make_group(recipe=recipe, recipe_label=label)[0] for recipe, label in made.items()]
    assert [named(recipe, label, peers[:2]) for recipe, label in list(made.items())[:2]] == [
        "mlp, adam(beta1=0.9, eps=1e-08) 0.1",
        "mlp, adam(beta1=0.9, eps=1e-08) 0.2",
    ]
    # The second of three has no part of its own.
    assert named("b", made["b"], peers) == "mlp, adam(beta1=0.9, eps=1e-08) 0.2, batch 8"
    assert named("c", made["c"], peers) == "mlp, batch 16"
    # Nothing but what a peer has, too; and no words at all.
    more = make_group(recipe="d", recipe_label=f"{made['a']}, on 500 examples")[0]
    assert named("a", made["a"], [peers[0], more]) == f"mlp, {made['a']}"
    assert named("e", "", [peers[0]]) == "mlp, e" and named("e", made["a"], [peers[0]]) == "mlp, e"
    other = make_group(recipe="f", recipe_label="sgd", leg="constant")[0]
    assert named("b", made["b"], [*peers[:2], other]) == "mlp, decayed rate, adam(beta1=0.9, eps=1e-08) 0.2"


def test_numbers_in_words():
    assert [percent(value) for value in (None, 0.0061, 0.19)] == ["–", "0.61\u00a0%", "19\u00a0%"]
    assert [p_value(value) for value in (None, 0.0004, 0.314)] == ["–", "< 0.001", "0.31"]
    assert [short_number(value) for value in (950, 1234, 19_200, 999_999, 3.4e7)] == [
        "950",
        "1.23k",
        "19k",
        "1M",
        "34M",
    ]


@pytest.mark.parametrize("low, high", [(0.09, 1.1), (0.8, 7), (1e-6, 1e3), (0.97, 1.02), (3.1, 3.3)])
def test_logarithmic_ticks_are_few_and_inside(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 7 and all(low <= tick <= high for tick in ticks)


def test_wrapping_keeps_every_word_and_the_width():
    name = "a_family_with_a_rather_long_name on some/data/set with blanks"
    lines = wrap(name, 1.2).split("\n")
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert all(text_width(line, 8.0) <= 1.2 for line in lines) and len(lines) > 2
    assert wrap(name, 1.2, lines=2).endswith("…")


def test_table_has_its_columns_and_neither_pyplot_nor_torch_is_loaded():
    assert COLUMNS[:3] == ("panel", "family", "dataset") and COLUMNS[-4:] == ("x", "y", "low", "high")
    code = "import sys, onecurve.collapse.figures; print({'torch', 'ray', 'matplotlib.pyplot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
