"""Figures: what is drawn is what the table beside them holds, and hard cases are drawn or said, never dropped."""

from __future__ import annotations

import dataclasses

import numpy as np
from onecurve.collapse.outcome import (
    AcrossFamilies,
    Analysis,
    FamilyDeviation,
    GroupResult,
    IrreducibleLoss,
    RescaledGroup,
)
from onecurve.results.curves import CurveSet, LearningCurve

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
        family=family, dataset=dataset, recipe=recipe, recipe_label="adam, linear, muP", leg=leg, control=control,
        n_rungs=rungs, n_seeds=seeds, x_min=0.1, x_max=0.98,
        irreducible_loss=IrreducibleLoss(
            value=floor, low=floor, high=floor, source="known" if floor is not None else "none"
        ),
        p_exact=0.31 if verdict == "collapse" else 0.0005, p_shape=0.5, deviation=deviation,
        lower_bound=max(0.0, deviation - 4 * float(se.max())), upper_bound=upper, margin=MARGIN, bands=(),
        noise_floor=0.011, unrelated_deviation=0.26, resolution={}, overlap=1.0, verdict=verdict,
        evidence="confirmatory", reason=reason, warnings=(), sentence="", n_censored=0,
        rescaled=RescaledGroup(
            scale="end-point", x=X, sizes=sizes, rungs=tuple(f"width {k}" for k in range(rungs)),
            values=tuple(values), seeds=tuple(tuple(range(seeds)) for _ in sizes), phase=None, rate=None,
        ),
        d=d, se=se, df=np.full_like(d, max(seeds - 1, 1)), unrelated=unrelated,
    )  # fmt: skip
    if bare:
        changes = dict.fromkeys(NUMBERS) | {"verdict": "cannot-tell", "evidence": "exploratory"} | changes
    return dataclasses.replace(group, **changes), curves


NUMBERS = ("x_min", "x_max", "p_exact", "p_shape", "deviation", "lower_bound", "upper_bound", "noise_floor")
NUMBERS += ("unrelated_deviation", "overlap", "rescaled", "d", "se", "df", "unrelated")


def shape_group(family="vit", dataset="photos", **more) -> tuple[GroupResult, list[LearningCurve]]:
    """A group without a floor, on the shape scale."""
    group, curves = make_group(family, dataset, floor=None, p_exact=None, evidence="exploratory", **more)
    rescaled = group.rescaled
    assert rescaled is not None
    q = tuple((np.exp(rows) - 1) / 1.2 for rows in rescaled.values)
    shape = dataclasses.replace(rescaled, scale="shape", values=q)
    unrelated = (np.exp(group.unrelated) - 1) / 1.2
    return dataclasses.replace(group, rescaled=shape, unrelated=unrelated), curves


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
        members.append(
            FamilyDeviation(
                family=family, recipe="3f2a", deviation=float(np.abs(difference).max()) or 0.001, low=0.0 if place == 1
                else 0.005, high=0.03, where=(0.1, 0.3) if place == 2 else None, verdict="approximate", reason=None,
                x=X, difference=difference,
            )
        )  # fmt: skip
    members.append(
        FamilyDeviation(
            family="a_family_with_a_rather_long_name", recipe="77", deviation=None, low=None, high=None, where=None,
            verdict="cannot-tell", reason="floor above Bayes", x=None, difference=None,
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
