"""Tables as people bring them: the same runs in many forms give the same curves, or a refusal that says the way out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results.layout import Layout
from onecurve.results.reading import read_curves
from onecurve.results.values import size_of

KEY = ["family", "dataset", "size", "seed"]
SIZES = (7e7, 1.6e8, 4.1e8)
POINTS, STEPS = 20, {7e7: 1000, 1.6e8: 1500, 4.1e8: 2400}


def table() -> pl.DataFrame:
    """Three sizes, two seeds, 20 evaluations: a power law above 1.7 that bends at its end."""
    rng = np.random.default_rng(0)
    frames = []
    for size in SIZES:
        for seed in (0, 1):
            x = np.arange(1, POINTS + 1) / POINTS
            noise = np.exp(0.003 * rng.standard_normal(POINTS).cumsum())
            columns = {"family": "gpt", "dataset": "web", "size": size, "seed": seed}
            loss = 1.7 + 30 * size**-0.1 * x**-0.4 * (1 - 0.3 * x) * noise
            frames.append(pl.DataFrame({**columns, "step": (x * STEPS[size]).astype(int), "loss": loss}))
    return pl.concat([frame.select(*KEY, "step", "loss") for frame in frames])


def each(change) -> pl.DataFrame:
    """The table with every run changed on its own."""
    return pl.concat([change(run) for _, run in table().group_by(KEY, maintain_order=True)])


@pytest.fixture
def read(tmp_path):
    def reading(frame: pl.DataFrame, name: str = "c.parquet", of: str = "loss", **layout):
        path = tmp_path / name
        (frame.write_csv if name.endswith("csv") else frame.write_parquet)(path)
        return read_curves([path], of, layout=Layout(**layout))

    return reading


def by_run(curves):
    return {(curve.size, str(curve.seed)): curve for curve in curves}


def same(found, expected, losses=None):
    """All curves as of the table itself."""
    found, expected = by_run(found), by_run(expected)
    assert found.keys() == expected.keys()
    for key, curve in expected.items():
        assert found[key].x == pytest.approx(curve.x, abs=1e-12)
        assert found[key].loss == pytest.approx(curve.loss if losses is None else losses(curve.loss), rel=1e-12)


# ---- names

NAMES = [
    {"family": "model", "dataset": "data", "size": "n_params", "loss": "val_loss", "step": "_step"},
    {"family": "Model Name", "size": "config.params", "loss": "eval/loss", "step": "trainer/global_step"},
    {name: name.upper() for name in [*KEY, "loss", "step"]},
    {"step": "tokens"},
    {"step": "epoch", "loss": "test_loss", "seed": "random_seed"},
    {"step": "wall_time", "loss": "validation/loss"},
]


@pytest.mark.parametrize("names", NAMES)
def test_common_names_are_taken_and_said(read, names):
    curves = read(table().rename(names))
    same(curves, read(table()))
    said = " ".join(curves.notes)
    assert all(f"{theirs!r} as {ours}" in said for ours, theirs in names.items())


def test_columns_are_named_by_the_user_before_anything_else(read):
    odd = table().rename({"size": "width", "loss": "metric", "step": "t"}).with_columns(loss=0.0, step=1)
    same(read(odd, column={"size": "width", "loss": "metric", "step": "t"}), read(table()))


def test_a_mapping_file_beside_the_data_is_read_and_options_win(tmp_path):
    table().rename({"size": "width", "loss": "metric"}).write_csv(tmp_path / "c.csv")
    (tmp_path / "onecurve.yaml").write_text("column: {size: width, loss: nothing}\n")
    with pytest.raises(InputError, match="unknown column 'nothing'"):
        read_curves([tmp_path / "c.csv"])
    curves = read_curves([tmp_path / "c.csv"], layout=Layout(column={"loss": "metric"}))
    assert len(curves) == 6 and "onecurve.yaml" in curves.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colum: {a: b}", "Did you mean 'column'"),
        ("column: [a]", "column has pairs"),
        ("unit: trits", "unknown unit 'trits'"),
        ("run: 'gpt'", "names no group"),
        ("run: '(?P<sise>.)'", "Did you mean 'size'"),
        ("- a", "a mapping has keys"),
    ],
)
def test_bad_mappings_are_refused(tmp_path, text, message):
    table().write_csv(tmp_path / "c.csv")
    (tmp_path / "onecurve.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_curves([tmp_path / "c.csv"])


def named_runs() -> pl.DataFrame:
    millions = (pl.col("size") / 1e6).cast(pl.Int64).cast(pl.String)
    name = pl.concat_str(pl.lit("gpt-"), millions, pl.lit("M-s"), pl.col("seed").cast(pl.String))
    return table().with_columns(name.alias("run")).drop("size", "seed", "family")


def test_a_pattern_reads_the_names_of_runs(read):
    same(read(named_runs(), run=r"(?P<family>\w+)-(?P<size>[^-]+)-s(?P<seed>\d+)"), read(table()))


def test_a_pattern_reads_the_name_of_a_file_and_of_its_folder(tmp_path):
    one = table().filter((pl.col("size") == 7e7) & (pl.col("seed") == 1)).select("step", "loss")
    (tmp_path / "gpt-70M-s1").mkdir()
    for path in (tmp_path / "gpt_70M_s1.csv", tmp_path / "gpt-70M-s1" / "metrics.csv"):
        one.write_csv(path)
        (curve,) = read_curves([path], layout=Layout(run=r"(?P<size>\d+M)[-_]s(?P<seed>\d)"))
        assert (curve.size, str(curve.seed)) == (7e7, "1")


def test_a_pattern_that_does_not_fit_is_refused_with_one_that_does(read):
    with pytest.raises(InputError, match=r"fits no run.*This one fits: --run '\(\?P<size>"):
        read(named_runs(), run=r"(?P<size>\d+)T")
    with pytest.raises(InputError, match="does not fit 4 of 6 runs: 'gpt-160M-s0'"):
        read(named_runs(), run=r"(?P<size>70M)-s(?P<seed>\d)")


def suggested(message: str) -> dict:
    """The options of the command that a message ends with."""
    import shlex

    from onecurve.results.layout import pairs

    words = shlex.split(message.splitlines()[-1])
    options: dict = {"column": [], "value": [], "only": []}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        if option[2:] in options:
            options[option[2:]].append(value)
        else:
            options[option[2:].replace("-", "_")] = value
    return {key: pairs(value, key) if isinstance(value, list) else value for key, value in options.items()}


@pytest.mark.parametrize(
    "frame",
    [
        named_runs(),
        table().rename({"loss": "los", "step": "iterationen"}),
        table().rename({"size": "model_parameters_total", "loss": "held_out_nll"}),
        table().with_columns(val_loss="loss"),
        table().rename({"loss": "bpb"}),
        table().rename({"loss": "eval/ppl"}).with_columns(irreducible_loss=1.7),
        table().filter((pl.col("size") == 7e7) & (pl.col("seed") == 0)).select("step", "loss"),
    ],
)
def test_what_is_missing_is_asked_for_at_once_with_a_command_that_works(read, frame):
    with pytest.raises(InputError) as refusal:
        read(frame)
    message = str(refusal.value)
    assert all(column in message for column in frame.columns)
    assert len(read(frame, **suggested(message))) in (1, 6)


def test_a_hint_is_given_only_where_it_is_likely(read):
    with pytest.raises(InputError) as refusal:
        read(table().drop("size"))
    assert "is it" not in str(refusal.value)


def test_a_loss_beside_a_validation_loss_is_asked_for(read):
    with pytest.raises(InputError, match="Its loss could be 'loss' or 'val_loss'"):
        read(table().with_columns(val_loss=pl.col("loss") + 0.1))


def test_family_and_dataset_may_be_missing(read):
    curves = read(table().drop("family", "dataset"))
    assert {(curve.family, curve.dataset) for curve in curves} == {("unnamed", "unnamed")}
    assert "names no family and no data set" in " ".join(curves.notes)


def test_a_model_that_names_each_size_is_one_family(read):
    names = {7e7: "pythia-70m", 1.6e8: "pythia-160m", 4.1e8: "pythia-410m"}
    curves = read(table().drop("family").with_columns(model=pl.col("size").replace_strict(names)))
    assert {curve.family for curve in curves} == {"pythia"}
    two = read(
        table()
        .drop("family")
        .with_columns(model=pl.when(pl.col("size") > 1e8).then(pl.lit("a")).otherwise(pl.lit("b")))
    )
    assert {curve.family for curve in two} == {"a", "b"}


def test_without_seeds_rows_must_be_unique(read):
    alone = table().filter(pl.col("seed") == 1).drop("seed")
    assert {curve.seed for curve in read(alone)} == {0}
    with pytest.raises(InputError, match="2 rows for gpt on web, size 7e\\+07, seed 0 at step = 50"):
        read(table().drop("seed"))
    longer = pl.concat(
        [table().filter(pl.col("seed") == 0).filter(pl.col("step") < 600), table().filter(pl.col("seed") == 1)]
    )
    with pytest.raises(InputError, match="goes back"):  # the shorter may be another seed, not an aborted attempt
        read(longer.drop("seed"))


def test_a_folder_of_somebody_elses_is_never_trained_into(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("hello")
    with pytest.raises(InputError) as refusal:
        read_curves([tmp_path / "mine"])
    assert "onecurve run" not in str(refusal.value)


# ---- values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("70M", 7e7), ("1.3B", 1.3e9), ("70,000,000", 7e7), ("7e7", 7e7), ("1_000", 1000.0), (" 12 k ", 12000.0)),
        *(("big", None), ("M", None), ("1,2", None), ("70M-s1", None), ("", None)),
    ],
)
def test_sizes_as_people_write_them(text, value):
    assert size_of(text) == value


def test_sizes_in_words_give_the_same_curves(read):
    words = {7e7: "70M", 1.6e8: "160,000,000", 4.1e8: "0.41B"}
    same(read(table().with_columns(pl.col("size").replace_strict(words)), "c.csv"), read(table()))


STEP = pl.col("step")
SPAN = [pl.format("{}", STEP // 3600), *(part.cast(pl.String).str.zfill(2) for part in (STEP // 60 % 60, STEP % 60))]
CLOCKS = [
    pl.duration(seconds=STEP),
    STEP.cast(pl.Float64) * 3.7,
    STEP * 524288,
    STEP.cast(pl.String),
    pl.concat_str(*SPAN, separator=":"),
]


@pytest.mark.parametrize("clock", CLOCKS)
def test_any_clock_will_do(read, clock):
    same(read(table().with_columns(step=clock)), read(table()))


@pytest.mark.parametrize(
    "clock",
    [
        pl.datetime(2026, 1, 1) + pl.duration(minutes=STEP),
        (pl.datetime(2026, 1, 1) + pl.duration(minutes=STEP)).dt.strftime("%Y-%m-%d %H:%M:%S"),
        1.7e9 + STEP,
    ],
)
def test_a_time_of_day_counts_from_the_first_row_of_a_run(read, clock):
    frame = each(lambda run: pl.concat([run.head(1).with_columns(step=pl.lit(0, pl.Int64)), run]))
    expected = read(frame)
    curves = read(frame.with_columns(clock.alias("wall_time")).drop("step"))
    assert "time of day" in " ".join(curves.notes)
    same(curves, expected)


@pytest.mark.parametrize(
    "seeds", [(2**64 - 6, 2**64 - 5), (-1, -2), ("a", "b"), ("6f1c-e", "6f1c-f"), (2**53, 2**53 + 1), (0.0, 1.0)]
)
@pytest.mark.parametrize("name", ["c.csv", "c.parquet"])
def test_seeds_are_labels(read, seeds, name):
    column = pl.Series([seeds[seed] for seed in table()["seed"]], dtype=pl.UInt64 if max(map(str, seeds)) > "1844" and
                       isinstance(seeds[0], int) and seeds[0] >= 2**63 else None)  # fmt: skip
    curves = read(table().with_columns(seed=column), name)
    assert len(curves) == 6 and {str(curve.seed) for curve in curves} == {str(one).removesuffix(".0") for one in seeds}
    assert np.allclose([curve.loss[0] for curve in curves], [curve.loss[0] for curve in read(table())])


@pytest.mark.parametrize("kind", [pl.Float64, pl.Float32])
def test_whole_numbers_of_floating_point_are_the_seeds_that_they_are(read, kind):
    labelled = read(table(), "a.parquet")
    found = read(table().with_columns(pl.col("seed").cast(kind)), "b.parquet")
    same(found, labelled)
    assert {curve.seed for curve in found} == {0, 1} and all(type(curve.seed) is int for curve in found)


def test_one_run_in_integers_and_in_floating_point_is_one_run(tmp_path):
    for name, kind in (("a.parquet", pl.Int64), ("b.parquet", pl.Float64)):
        table().with_columns(pl.col("seed").cast(kind)).write_parquet(tmp_path / name)
    with pytest.raises(InputError, match="6 runs are given twice: gpt on web, size 7e\\+07, seed 0 "):
        read_curves([tmp_path / "a.parquet", tmp_path / "b.parquet"])


@pytest.mark.parametrize(
    ("seeds", "kind", "message"),
    [
        ([2.0**53, 2.0**54], pl.Float64, "Above 9007199254740992 different seeds are one number of floating point"),
        ([2.0**24, 2.0**25], pl.Float32, "Above 16777216 different seeds are one number of floating point"),
        ([0.5, 1.0], pl.Float64, "seed is 0.5, where a whole number is needed"),
    ],
)
def test_seeds_that_floating_point_cannot_tell_apart_are_refused(read, seeds, kind, message):
    column = pl.Series([seeds[seed] for seed in table()["seed"]], dtype=kind)
    with pytest.raises(InputError, match=message):
        read(table().with_columns(seed=column))


def test_seeds_of_two_kinds_sort_and_are_analysed(read):
    from onecurve.collapse.analysis import analyze
    from onecurve.results.curves import CurveSet

    named = read(table().with_columns(seed=pl.lit("x") + pl.col("seed").cast(pl.String)))
    both = CurveSet.of([*read(table()), *named])
    (group,) = analyze(both, rng=np.random.default_rng(0), resamples=99).groups
    assert group.n_seeds == 4 and group.reason is not None and group.reason.root.code == "copied-runs"


UNITS = [("bits", np.log2(np.e), None), ("bits-per-byte", np.log2(np.e), None), ("perplexity", None, np.exp)]


@pytest.mark.parametrize(("unit", "factor", "function"), UNITS)
def test_losses_are_converted_to_nats_with_their_floor(read, unit, factor, function):
    there = (lambda loss: loss.exp()) if function else (lambda loss: loss * factor)
    frame = table().with_columns(irreducible_loss=1.7)
    expected = read(frame)
    converted = frame.with_columns(there(pl.col("loss")), there(pl.col("irreducible_loss")))
    with pytest.raises(InputError, match="unit of the irreducible loss.*is not said"):
        read(converted, unit=unit)
    for curves in (
        read(converted, unit=unit, floor_unit=unit),
        read(frame.with_columns(there(pl.col("loss"))), unit=unit, floor_unit="nats"),
    ):
        same(curves, expected)
        assert [curve.irreducible_loss for curve in curves] == pytest.approx([1.7] * 6)


def test_a_column_in_bits_needs_its_unit_said(read):
    frame = table().rename({"loss": "bpb"})
    with pytest.raises(InputError, match="bits per byte.*--unit bits-per-byte"):
        read(frame, column={"loss": "bpb"})
    same(read(frame, column={"loss": "bpb"}, unit="nats"), read(table()))


@pytest.mark.parametrize("below", [1.5e-10, 0.0])
def test_a_rate_that_was_rounded_below_0_is_0(read, below):
    def rate(factor):
        return each(lambda run: run.with_columns(lr=3e-4 * (1 - STEP / run["step"].max()) - factor * 3e-4))

    assert all(curve.lr is not None and curve.lr[-1] == 0 for curve in read(rate(below)))
    with pytest.raises(InputError, match="lr is -1.*e-05, where a number of at least 0"):
        read(rate(1.0))


def test_a_warmup_is_read_off_the_rates_and_said(read):
    """Rates that rise over the first tenth: curves are compared after ten warmups."""

    def warm(run):
        x = STEP / run["step"].max()
        return run.with_columns(lr=3e-4 * pl.min_horizontal(x / 0.1, 1.0))

    curves = read(each(warm))
    assert {round(curve.warmup_fraction, 3) for curve in curves} == {0.1}
    assert any("warm up" in note for note in curves.notes)
    assert {curve.warmup_fraction for curve in read(each(warm), warmup=0.0)} == {0.0}
    falling = each(lambda run: run.with_columns(lr=3e-4 * (1 - STEP / run["step"].max())))
    assert {curve.warmup_fraction for curve in read(falling)} == {0.0}


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_a_schedule_that_is_said_is_that_of_the_column(read, schedule):
    curves = read(table(), schedule=schedule, warmup=0.0)
    for curve in curves:
        done = {"constant": 1 + 0 * curve.x, "linear": 1 - curve.x, "cosine": (1 + np.cos(np.pi * curve.x)) / 2}
        np.testing.assert_allclose(curve.lr, done[schedule], atol=1e-12)
        assert curve.leg == ("constant" if schedule == "constant" else "decayed")


def test_schedules_and_warmups_that_are_none_are_refused():
    with pytest.raises(InputError, match="cosine"):
        Layout(schedule="cosin")
    with pytest.raises(InputError, match="at least 0"):
        Layout(warmup=-1.0)


def test_errors_of_the_floor_and_of_the_test_set_are_read_in_nats(read):
    frame = table().with_columns(
        irreducible_loss=pl.lit(1.7), irreducible_loss_se=pl.lit(0.01), test_loss_se=pl.lit(0.02)
    )
    assert {(c.irreducible_loss_se, c.test_loss_se) for c in read(frame)} == {(0.01, 0.02)}
    (found,) = {(c.irreducible_loss_se, c.test_loss_se) for c in read(frame, unit="bits", floor_unit="bits")}
    assert found == pytest.approx((0.01 * np.log(2), 0.02 * np.log(2)))
    with pytest.raises(InputError, match="number of at least 0"):
        read(frame.with_columns(test_loss_se=pl.lit(-0.1)))
    with pytest.raises(InputError, match="perplexity"):
        read(frame, unit="perplexity", floor_unit="perplexity")


# ---- restarts, endings, copies


def again(first: int, back: int, noise: float = 0.0):
    """Log ``first`` rows, then go on ``back`` rows before."""
    return each(
        lambda run: pl.concat([run.head(first).with_columns(pl.col("loss") * (1 + noise)), run.slice(first - back)])
    )


@pytest.mark.parametrize(("first", "back", "noise"), [(9, 9, 0.004), (12, 3, 0.0), (7, 7, 0.0)])
def test_the_later_attempt_wins(read, first, back, noise):
    curves = read(again(first, back, noise))
    same(curves, read(table()))
    assert "the later attempt wins" in " ".join(curves.notes)
    with pytest.raises(InputError, match="goes back.*--restarts last.*--restarts continue"):
        read(again(first, back, noise), restarts="refuse")


def test_an_evaluation_repeated_at_the_resume_stands_once(read):
    curves = read(again(12, 1))
    same(curves, read(table()))
    assert "stand once" in " ".join(curves.notes)
    other = pl.int_range(pl.len()).over(KEY) == 11
    curves = read(again(12, 1).with_columns(pl.when(other).then(pl.col("loss") * 1.01).otherwise(pl.col("loss"))))
    same(curves, read(table()))  # the later of the two


def reset(*rows: int) -> pl.DataFrame:
    """Every run with its counter set to 0 after these rows."""

    def change(run):
        starts = [0, *rows]
        parts = [run.slice(start, end - start) for start, end in zip(starts, [*rows, POINTS], strict=True)]
        before = [0, *(run["step"][row - 1] for row in rows)]
        return pl.concat([part.with_columns(STEP - offset) for part, offset in zip(parts, before, strict=True)])

    return each(change)


@pytest.mark.parametrize("rows", [(9,), (6, 13)])
def test_a_counter_that_was_reset_is_counted_on(read, rows):
    curves = read(reset(*rows))
    same(curves, read(table()))
    assert "counted on" in " ".join(curves.notes)


def test_what_is_not_plain_is_refused_and_the_choice_decides(read):
    two = each(lambda run: pl.concat([run.with_columns(pl.col("loss") * 1.01), run]))
    with pytest.raises(InputError, match="2 rows for gpt on web, size 7e\\+07, seed 0 at step = 50; step goes back"):
        read(two)
    same(read(two, restarts="last"), read(table()))
    assert all(len(curve.x) == 2 * POINTS for curve in read(two, restarts="continue"))


def test_rows_out_of_order_are_sorted_and_said(read):
    for frame in (table().sample(fraction=1, shuffle=True, seed=1), table().reverse()):
        curves = read(frame)
        same(curves, read(table()))
        assert "they were sorted" in " ".join(curves.notes)


def test_a_restart_that_somebody_sorted_is_seen(read):
    late = pl.int_range(pl.len()).over(KEY) >= 10
    mixed = reset(10).with_columns(STEP + 3 * late)  # no step stands twice
    with pytest.raises(InputError, match="every second row lies on another course"):
        read(mixed.sort(*KEY, "step"))


def test_two_metrics_in_one_column_are_refused_with_the_column_that_parts_them(read):
    both = pl.concat(
        [table().with_columns(pl.col("loss") * 0.98, split=pl.lit("train")), table().with_columns(split=pl.lit("val"))]
    )
    with pytest.raises(InputError, match=r"differ in 'split' \(train, val\): --only split=val"):
        read(both)
    same(read(both, only={"split": "val"}), read(table()))
    with pytest.raises(InputError, match="no row has split = 'test'; split is train, val"):
        read(both, only={"split": "test"})


def test_the_same_run_in_two_files_is_refused(tmp_path):
    table().write_csv(tmp_path / "val.csv")
    table().with_columns(pl.col("loss") * 0.98, seed=pl.col("seed").cast(pl.String)).write_parquet(
        tmp_path / "train.parquet"
    )
    for other in ("train.parquet", "val.csv"):
        with pytest.raises(InputError, match="6 runs are given twice: gpt on web, size 7e\\+07, seed 0"):
            read_curves([tmp_path / "val.csv", tmp_path / other])
    table().with_columns(pl.col("seed") + 2).write_csv(tmp_path / "more.csv")
    assert len(read_curves([tmp_path / "val.csv", tmp_path / "more.csv"])) == 12


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_cells_without_a_loss_were_not_logged(read, nothing):
    sparse = each(
        lambda run: pl.concat([run, run.with_columns(STEP + 1, loss=pl.lit(nothing, pl.Float64))]).sort("step")
    )
    curves = read(sparse)
    same(curves, read(table()))
    assert "120 rows without a loss" in " ".join(curves.notes)


BAD = (pl.col("size") == 4.1e8) & (pl.col("seed") == 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_a_run_that_diverged_stays_as_one(read, value):
    late = BAD & (STEP > 1500)
    curves = by_run(read(table().with_columns(loss=pl.when(late).then(value).otherwise(pl.col("loss")))))
    bad = curves.pop((4.1e8, "1"))
    assert (bad.status, len(bad.x), bad.complete) == ("diverged", 12, False)
    assert bad.x[-1] == pytest.approx(1440 / 2400)
    assert all(curve.complete for curve in curves.values()) and len(curves) == 5


def test_a_run_without_any_loss_stays_as_a_row(read):
    curves = by_run(read(table().with_columns(loss=pl.when(~BAD).then("loss"))))
    assert len(curves) == 6 and len(curves[4.1e8, "1"].x) == 0 and not curves[4.1e8, "1"].complete


@pytest.mark.parametrize(
    ("name", "word", "status"), [("status", "diverged", "diverged"), ("State", "crashed", "error")]
)
def test_a_status_is_kept(read, name, word, status):
    frame = table().with_columns(pl.when(BAD).then(pl.lit(word)).otherwise(pl.lit("finished")).alias(name))
    curves = by_run(read(frame))
    assert curves[4.1e8, "1"].status == status
    assert sum(curve.complete for curve in curves.values()) == 5


def test_a_status_that_is_not_known_is_refused_and_a_state_is_let_be(read):
    with pytest.raises(InputError, match="status is 'divergd'. Did you mean 'diverged'"):
        read(table().with_columns(status=pl.lit("divergd")))
    assert all(curve.complete for curve in read(table().with_columns(state=pl.lit("Ohio"))))


# ---- the end of a run


@pytest.mark.parametrize("end", [1.0003, 0.9999, 1.0, 0.996])
def test_x_near_1_is_the_end(read, end):
    frame = each(lambda run: run.with_columns(x=end * STEP / run["step"].max()).drop("step"))
    same(read(frame), read(table()))


@pytest.mark.parametrize("more", [1, 0])
def test_one_planned_step_more_than_logged(read, more):
    same(read(each(lambda run: run.with_columns(horizon=run["step"].max() + more))), read(table()))


def test_counts_from_zero_meet_a_horizon_that_counts_from_one(read):
    def epochs(run):
        return run.with_columns(epoch=pl.int_range(POINTS), horizon=POINTS).drop("step")

    assert not any(curve.complete for curve in read(each(epochs)))  # a whole evaluation is missing, of 20
    many = each(lambda run: run.with_columns(step=STEP - 1, horizon=run["step"].max()))
    assert all(curve.complete for curve in read(many))


def test_runs_that_fall_short_are_named_with_the_way_out(read):
    cut = table().filter(~((pl.col("seed") == 1) & (pl.col("step").max().over("size") == STEP)))
    curves = read(cut)
    said = " ".join(curves.notes)
    assert [curve.complete for curve in curves] == [True, False] * 3
    assert "3 of 6 runs fall short of the longest run of their size by 5 %" in said
    assert all(way in said for way in ("--horizon own", "--horizon common", "column `horizon`"))
    assert all(curve.complete and curve.x[-1] == 1 for curve in read(cut, horizon="own"))


def test_common_compares_all_up_to_where_the_first_ends(read):
    cut = table().filter(~((pl.col("seed") == 1) & (0.7 * pl.col("step").max().over("size") < STEP)))
    curves, whole = by_run(read(cut, horizon="common")), by_run(read(table()))
    for key, curve in curves.items():
        assert curve.complete and curve.x[-2:] == pytest.approx([13 / 14, 1.0])
        assert curve.loss == pytest.approx(whole[key].loss[:14], rel=1e-12)


def test_histories_that_were_sampled_at_random_meet_their_horizon(read):
    rng = np.random.default_rng(3)
    steps = pl.DataFrame({"step": np.arange(1, 401)})
    fine = table().select(KEY).unique(maintain_order=True).join(steps, how="cross", maintain_order="left_right")
    fine = fine.with_columns(loss=2 + STEP.cast(pl.Float64).pow(-0.5), part=pl.Series(rng.random(fine.height) < 0.1))
    curves = read(fine.filter("part").drop("part"))
    assert all(curve.complete for curve in curves) and "sampled at random" in " ".join(curves.notes)
    for curve in curves:  # a power law above 2 stays one, whatever its end
        assert np.polyfit(np.log(curve.x[1:]), np.log(curve.loss[1:] - 2), 1)[0] == pytest.approx(-0.5, abs=0.01)


def test_a_horizon_or_floor_is_one_number_a_run(read):
    for name in ("horizon", "irreducible_loss"):
        with pytest.raises(InputError, match=f"{name} changes within one run"):
            read(table().with_columns((STEP / 1000 + 1).alias(name)))


def test_final_losses_are_no_curves(read):
    with pytest.raises(InputError, match="one evaluation of each of 6 runs.*scaling-law"):
        read(table().filter(pl.col("step").max().over("size") == STEP))


def test_observables_are_chosen_by_name(read):
    both = pl.concat([table().with_columns(observable=pl.lit("loss")), table().with_columns(observable=pl.lit("gap"))])
    same(read(both), read(table()))
    same(read(both, of="gap"), read(table()))
    with pytest.raises(InputError, match="unknown observable 'loss'.*Allowed: gap"):
        read(both, only={"observable": "gap"})
    assert read(both, of="gap", only={"observable": "gap"}).quantity.observable == "gap"


def test_a_unit_and_a_divergence_are_of_the_loss_alone(read):
    rows = table()
    last = pl.col("step").max().over("size")
    other = rows.with_columns(pl.when(pl.col("step") < last).then("loss"), observable=pl.lit("gap"))
    curves = read(pl.concat([rows.with_columns(observable=pl.lit("loss")), other]), of="gap", unit="bits")
    assert all(curve.status == "ok" and not curve.complete and curve.x[-1] < 1 for curve in curves)
    whole = by_run(read(rows))
    assert all(curve.loss == pytest.approx(whole[key].loss[:-1]) for key, curve in by_run(curves).items())


def test_a_run_whose_loss_blew_up_ended_for_its_other_observables(read):
    rows = table()
    first = (pl.col("size") == SIZES[0]) & (pl.col("seed") == 0)
    late = pl.col("step") > 600
    blown = rows.with_columns(loss=pl.when(first & late).then(1e4).otherwise("loss"), observable=pl.lit("loss"))
    curves = read(pl.concat([rows.with_columns(observable=pl.lit("gap")), blown]), of="gap")
    assert [(curve.size, curve.seed) for curve in curves if curve.status == "diverged"] == [(SIZES[0], 0)]


def test_notes_reach_the_analysis_and_its_json(read):
    from onecurve.collapse.inquiry import inquire
    from onecurve.collapse.inquiry_contract import inquiry_json

    curves = read(table().rename({"loss": "val_loss"}))
    found = inquiry_json(inquire(curves, [], rng=np.random.default_rng(0)))
    assert found["notes"] == ["columns taken by their common names: 'val_loss' as loss"]


def test_final_losses_under_letters_are_sent_to_the_scaling_law(read):
    frame = pl.DataFrame({"C": [1e18, 1e19], "N": [1e8, 3e8], "D": [1.6e9, 5.5e9], "final_loss": [3.1, 2.9]})
    with pytest.raises(InputError, match="final losses make no learning curve. `onecurve scaling-law .*c.csv` fits"):
        read(frame, "c.csv")


def test_a_rate_with_six_decimals_that_ends_below_0_is_0(read):
    rate = each(lambda run: run.with_columns(lr=3e-4 * (1 - STEP / run["step"].max()) - 5e-7))
    assert all(curve.lr is not None and curve.lr[-1] == 0 for curve in read(rate))
