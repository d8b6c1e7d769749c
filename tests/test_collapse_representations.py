"""Comparisons on features whose relations are known: a shared signal, noise that shrinks with size, families apart."""

import numpy as np
import pytest
from onecurve.collapse.drawing.representations import representations_sheet
from onecurve.collapse.representations.between_trials import compare_representations
from onecurve.collapse.representations.seed_pairs import PairMeans, interval
from onecurve.collapse.sentences.of_representations import compared_status, comparison_json, growth_status, said
from onecurve.errors import InputError
from onecurve.results.grams import packed_gram
from scipy.stats import t

N, HORIZON = 40, 10
SIGNAL = {name: np.random.default_rng(seed).normal(size=(N, 5)) for seed, name in enumerate(("a", "b"))}


def entry(features, step, layer="last", inputs="i"):
    own = features - features.mean(0)
    matrix = own @ own.T
    scale = np.abs(matrix).max()
    about = {"layer": layer, "step": step, "examples": len(own), "features": own.shape[1], "inputs": inputs}
    return packed_gram({**about, "scale": scale, "values": (matrix / scale)[np.triu_indices(len(own))]})


def row(family, width, seed, noise, signal="a", **changes):
    """Trained features are a signal with noise, untrained ones noise alone."""
    rng = np.random.default_rng([ord(family[0]), width, seed])
    features = SIGNAL[signal] + noise * rng.normal(size=(N, 5))
    grams = [entry(rng.normal(size=(N, 5)), 0), entry(features, HORIZON)]
    about = {"trial_id": f"{family}{width}{seed}", "family": family, "dataset": "d", "recipe": "r", "leg": "decayed"}
    about |= {"recipe_label": "adam", "rung": f"width {width}", "n_params": width**2, "seed": seed, "status": "ok"}
    return {**about, "horizon_steps": HORIZON, "grams": grams, **changes}


def ladder(family, noises, seeds=5, **changes):
    return [row(family, 8 * 2**k, seed, noise, **changes) for k, noise in enumerate(noises) for seed in range(seeds)]


def compared(rows, **options):
    (found,) = compare_representations(rows, np.random.default_rng(0), **options)
    return found


def expected(noise, other=None):
    """CKA of two independent draws around one signal, for large N: the signal's share of both, squared and so on."""
    rng = np.random.default_rng(9)
    from onecurve.collapse.representations.similarity import debiased_cka

    values = []
    for _ in range(300):
        a, b = (SIGNAL["a"] + level * rng.normal(size=(N, 5)) for level in (noise, noise if other is None else other))
        values.append(debiased_cka(*([x - x.mean(0)] and [(x - x.mean(0)) @ (x - x.mean(0)).T] for x in (a, b))).item())
    return np.mean(values)


def test_what_pairs_share_decides_how_alike_they_are():
    rows = ladder("a", (0.6, 0.3)) + ladder("b", (0.3,), signal="b")
    found = compared(rows)
    told = {(one.kind, one.first[0], one.first[1], one.second[1]): one for one in found.rows}
    small, large = told["one size", "a", "width 8", "width 8"], told["one size", "a", "width 16", "width 16"]
    assert small.trained.value == pytest.approx(expected(0.6), abs=0.05)
    assert large.trained.value == pytest.approx(expected(0.3), abs=0.03)
    near = told["neighbouring sizes", "a", "width 8", "width 16"]
    assert near.trained.value == pytest.approx(expected(0.6, 0.3), abs=0.05)
    apart = told["two families", "a", "width 16", "width 8"]
    assert abs(apart.trained.value) < 0.1 and abs(small.untrained.value) < 0.1 and abs(small.permuted) < 0.1
    assert (small.pairs, near.pairs, apart.pairs) == (10, 20, 20)
    assert compared_status(large, "cka") == "more alike than untrained"
    assert compared_status(apart, "cka") == "cannot tell"
    assert large.trained.low < large.trained.value < large.trained.high


def test_pairs_of_one_seed_are_none():
    """They share their data: here even their noise."""
    rows = [row(family, 8, seed, 1.0) for family in ("a", "b") for seed in range(4)]
    for one, other in zip(rows[:4], rows[4:], strict=True):
        other["grams"] = one["grams"]
    found = compared(rows)
    (apart,) = [one for one in found.rows if one.kind == "two families"]
    (within, _) = [one for one in found.rows if one.kind == "one size"]
    assert apart.pairs == 12 and apart.trained.value == pytest.approx(within.trained.value)
    assert found.trained[0, 4] == pytest.approx(1)


def test_similarity_that_grows_with_the_size_is_told():
    found = compared(ladder("a", (1.0, 0.5, 0.25)) + ladder("b", (0.4, 0.4, 0.4), signal="b"))
    grown = {(one.first, one.second): one for one in found.growth}
    tenfold = np.polyfit(np.log10([64, 256, 1024]), [point[1].value for point in grown["a", "a"].points], 1)[0]
    assert grown["a", "a"].trained.value == pytest.approx(tenfold)
    assert growth_status(grown["a", "a"], "cka") == "grows, more than untrained"
    assert growth_status(grown["b", "b"], "cka") == "cannot tell"
    assert grown["a", "b"].sizes == 3 and abs(grown["a", "b"].trained.value) < 0.1


def test_of_distances_less_is_more_alike():
    found = compared(ladder("a", (1.0, 0.5, 0.25)), measure="procrustes")
    assert all(0 < one.trained.value < one.untrained.value < 2 for one in found.rows)
    assert compared_status(found.rows[-1], "procrustes") == "more alike than untrained"
    assert growth_status(found.growth[0], "procrustes").startswith("grows")
    assert found.rows[0].permuted > found.rows[0].trained.value


def test_two_seeds_have_a_number_and_no_interval():
    found = compared(ladder("a", (0.5,), seeds=2))
    (one,) = found.rows
    assert one.trained.low is None and compared_status(one, "cka") == "cannot tell: 2 seeds, an interval needs 3"
    told = comparison_json(found)["comparisons"][0]["trained"]
    assert (told["low"], told["reason"], told["reason_code"]) == (
        None,
        "2 seeds, an interval needs 3",
        "pairs-of-too-few-seeds",
    )
    assert said(one.trained) == f"{one.trained.value:.3f}"


def test_inputs_and_layers_are_never_mixed():
    other = [
        row("b", 8, seed, 0.3, grams=[entry(SIGNAL["a"], step, inputs="j") for step in (0, HORIZON)])
        for seed in (0, 1, 2)
    ]
    found = compare_representations(ladder("a", (0.3,)) + other, np.random.default_rng(0))
    assert [{each.family for each in one.trials} for one in found] == [{"a"}, {"b"}]
    both = [entry(SIGNAL["a"], step, layer) for step in (0, HORIZON) for layer in ("middle", "last")]
    deep = [row("a", 8, seed, 0.3, grams=both) for seed in range(3)]
    assert [one.layer for one in compare_representations(deep, np.random.default_rng(0))] == ["last", "middle"]
    assert compared(deep, layer="middle").layer == "middle"


def test_settings_of_a_family_are_told_apart_and_trials_that_ended_early_are_left_out():
    rows = ladder("a", (0.3,)) + [row("a", 8, seed, 0.3, recipe="s", recipe_label="sgd") for seed in range(3)]
    rows.append(row("a", 8, 7, 0.3, status="diverged"))
    found = compared(rows)
    assert {each.family for each in found.trials} == {"a, adam", "a, sgd"}
    assert len(found.trials) == 8 and list(found.left_out) == ["a, adam, width 8, seed 7"]
    assert comparison_json(found)["comparisons"][0]["status"] == "more alike than untrained"


@pytest.mark.parametrize(
    ("rows", "options", "why"),
    [
        ([row("a", 8, 0, 0.3, grams=None)], {}, "no trial here has Gram matrices"),
        ([row("a", 8, 0, 0.3)], {"layer": "middle"}, "matrices of the middle layer"),
        ([row("a", 8, 0, 0.3, status="diverged")], {}, "ended well"),
        ([row("a", 8, 0, 0.3), row("a", 8, 0, 0.3)], {}, "two trials of a, width 8, have the seed 0"),
    ],
)
def test_what_cannot_be_compared_says_why(rows, options, why):
    with pytest.raises(InputError, match=why):
        compared(rows, **options)


def test_the_standard_error_is_that_of_drawn_seeds_over_the_share_that_is_lost():
    values = np.random.default_rng(3).normal(size=(5, 5))
    places = np.array([(i, j) for i in range(5) for j in range(5) if i != j]).T
    pairs = PairMeans(range(5), [np.vstack([places, values[places[0], places[1]]])])
    found = interval(pairs, np.ones(1), np.random.default_rng(7))
    means = []
    for counts in np.random.default_rng(7).multinomial(5, np.full(5, 0.2), size=400):
        seeds = np.repeat(np.arange(5), counts)
        drawn = [values[i, j] for i in seeds for j in seeds if i != j]
        means += [np.mean(drawn)] if drawn else []
    assert found.value == pytest.approx(values[places[0], places[1]].mean())
    half = t.ppf(0.975, 4) * np.std(means, ddof=1) * (5 / 4) ** 0.5
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half))


@pytest.mark.parametrize("seeds", [3, 6])
def test_intervals_cover(seeds):
    rng, hit = np.random.default_rng(0), []
    places = np.array([(i, j) for i in range(seeds) for j in range(seeds) if i != j]).T
    for _ in range(250):
        one, other = rng.normal(size=(2, seeds))
        noise = rng.normal(size=(seeds, seeds))
        values = 0.7 + 0.05 * (one[places[0]] + other[places[1]]) + 0.03 * noise[places[0], places[1]]
        found = interval(PairMeans(range(seeds), [np.vstack([places, values])]), np.ones(1), rng)
        hit.append(found.low <= 0.7 <= found.high)
    assert 0.9 <= np.mean(hit) <= 0.985


def test_the_figure_has_every_pair_and_every_size():
    found = compared(ladder("a", (1.0, 0.5), seeds=3) + ladder("b", (0.4, 0.4), seeds=3, signal="b"))
    sheet = representations_sheet(found)
    drawn = {(point["panel"], point["series"]) for point in sheet.points}
    assert len([point for point in sheet.points if point["panel"] == "trained"]) == 12 * 13 / 2
    assert {("seeds of one size", "trained, with a"), ("two families, size by size", "untrained, with b")} <= drawn
    (last,) = [p for p in sheet.points if p["panel"] == "seeds of one size" and p["family"] == "a" and p["x"] > 100
               and p["series"].startswith("trained")]  # fmt: skip
    assert last["y"] == pytest.approx(found.growth[0].points[1][1].value)
    one = representations_sheet(compared(ladder("a", (0.5,), seeds=3)))
    assert any("two model sizes" in text.get_text() for axes in one.figure.axes for text in axes.texts)
