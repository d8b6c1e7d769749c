"""Schedules: values, the text that a trial keeps, bad input, schedules of a user's own."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from onecurve.benchmark.schedules.schedule import SCHEDULES, schedule_from, schedule_of
from onecurve.errors import InputError
from onecurve.own_files import sources


def old_schedule(kind, horizon, warmup_fraction):
    """What trials of protocol 1 were trained with."""
    warmup = round(warmup_fraction * horizon)
    steps = np.arange(horizon + 1)
    u = np.clip((steps - warmup) / max(1, horizon - warmup), 0.0, 1.0)
    decay = {"linear": 1.0 - u, "cosine": 0.5 * (1.0 + np.cos(math.pi * u)), "constant": np.ones_like(u)}[kind]
    return np.where(steps < warmup, (steps + 1) / (warmup + 1), decay)


@pytest.mark.parametrize("warmup", [0.0, 0.01, 0.07, 0.49])
@pytest.mark.parametrize("horizon", [1, 2, 37, 1000, 4099])
@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_old_recipes_keep_their_bits(kind, horizon, warmup):
    found = schedule_of(kind).relative(horizon, warmup)
    assert found.dtype == np.float64 and found.tobytes() == old_schedule(kind, horizon, warmup).tobytes()


@pytest.mark.parametrize(
    ("text", "horizon", "warmup", "values"),
    [
        ("linear", 4, 0, [1.0, 0.75, 0.5, 0.25, 0.0]),
        ("linear(to=0.5)", 4, 0, [1.0, 0.875, 0.75, 0.625, 0.5]),
        ("cosine(to=0.1)", 4, 0, [1.0, 0.1 + 0.9 * (0.5 + 0.5**1.5), 0.55, 0.1 + 0.9 * (0.5 - 0.5**1.5), 0.1]),
        ("constant", 4, 0.25, [0.5, 1.0, 1.0, 1.0, 1.0]),
        ("wsd(decay_fraction=0.5)", 4, 0.25, [0.5, 1.0, 1.0, 0.5, 0.0]),
        ("wsd(decay_fraction=1, shape=cosine)", 2, 0, [1.0, 0.5, 0.0]),
        ("wsd(decay_fraction=0.5, shape=sqrt)", 8, 0, [1, 1, 1, 1, 1, 0.5, 1 - 0.5**0.5, 1 - 0.75**0.5, 0]),
        ("wsd(decay_fraction=0.5, to=0.2)", 4, 0, [1.0, 1.0, 1.0, 0.6, 0.2]),
        ("wsd(decay_fraction=1)", 4, 0.25, [0.5, 1.0, 2 / 3, 1 / 3, 0.0]),
        ("inverse-sqrt(timescale=0.25)", 4, 0.25, [0.5, 1.0, 2**-0.5, 3**-0.5, 0.5]),
        ("inverse-sqrt(timescale=0.5)", 4, 0, [1.0, 1.5**-0.5, 2**-0.5, 2.5**-0.5, 3**-0.5]),
    ],
)
def test_values_in_closed_form(text, horizon, warmup, values):
    assert schedule_of(text).relative(horizon, warmup) == pytest.approx(values, abs=1e-15)


@pytest.mark.parametrize("text", ["linear", "cosine(to=0.1)", "wsd", "wsd(shape=sqrt)", "inverse-sqrt"])
def test_schedules_scale_with_the_horizon(text):
    """At equal x, two horizons have the same rate: curves of two rungs see one schedule."""
    short, long = (schedule_of(text).relative(horizon, 0.0) for horizon in (1000, 5000))
    np.testing.assert_allclose(long[::5], short, rtol=0, atol=1e-12)
    assert short.max() == 1.0 and short.min() >= 0.0 and (np.diff(short) <= 0).all()


def test_legs():
    legs = {name: SCHEDULES.make(name).leg for name in SCHEDULES.names()}
    assert legs == dict.fromkeys(("cosine", "inverse-sqrt", "linear", "wsd"), "decayed") | {"constant": "constant"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("linear", "linear"),
        (" cosine ( to = 0.10 ) ", "cosine(to=0.1)"),
        ("cosine(to=0)", "cosine"),
        ("linear()", "linear"),
        ("wsd(to=0.1,shape=sqrt,decay_fraction=0.2)", "wsd(decay_fraction=0.2, shape=sqrt, to=0.1)"),
        ("wsd(decay_fraction=0.1, shape=linear)", "wsd"),
        ({"name": "cosine", "to": 0.1}, "cosine(to=0.1)"),
        ({"name": "linear", "to": "1e-2"}, "linear(to=0.01)"),
        ({"name": "wsd"}, "wsd"),
        ("linear(to=1e-2)", "linear(to=0.01)"),
        ("inverse-sqrt(timescale=1)", "inverse-sqrt(timescale=1.0)"),
    ],
)
def test_the_text_is_canonical_and_is_read_back(given, text):
    found = schedule_from(given)
    assert found.text == text and schedule_of(text) == found and schedule_of(text).text == text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cosin", "unknown schedule 'cosin'. Did you mean 'cosine'"),
        ("cosine(two=0.1)", "unknown parameter of the schedule 'cosine': 'two'. Did you mean 'to'"),
        ("constant(to=0.1)", "unknown parameter of the schedule 'constant': 'to'"),
        ("cosine(to=1)", "`to` of the schedule 'cosine' is a share of the peak, at least 0 and below 1, got 1.0"),
        ("cosine(to=low)", "`to` of the schedule 'cosine' is a finite number, got 'low'"),
        ("cosine(to=true)", "`to` of the schedule 'cosine' is a finite number, got True"),
        ("wsd(decay_fraction=0)", "`decay_fraction` of the schedule 'wsd' is a share of the horizon, above 0"),
        ("wsd(shape=cubic)", "unknown `shape` of the schedule 'wsd': 'cubic'"),
        ("inverse-sqrt(timescale=-1)", "`timescale` .* is a share of the horizon above 0, got -1.0"),
        ("cosine(0.1)", r"the schedule 'cosine\(0.1\)' is neither a name nor a name with parameters such as"),
        ("cosine(to=0.1, to=0.2)", "is neither a name nor"),
        ("cosine(to=0.1", "is neither a name nor"),
        ("", "is neither a name nor"),
        ("linear(version=2)", "schedule 'linear' is at version 1 here, the trial was made with 2"),
        ({"to": 0.1}, "a schedule is a name, or a mapping with a `name` such as"),
        (0.1, "a schedule is a name, or a mapping .* got 0.1"),
    ],
)
def test_bad_schedules_are_told_in_one_sentence(given, message):
    with pytest.raises(InputError, match=message):
        schedule_from(given)


OWN = '''"""Mine."""
import dataclasses
import numpy as np
from onecurve.benchmark.schedules.schedule import Schedule, phase


@dataclasses.dataclass(frozen=True)
class Power(Schedule):
    """A power of what is left."""

    exponent: float = 2.0

    def after_warmup(self, steps, warmup, horizon):
        return (1 - phase(steps, warmup, horizon)) ** self.exponent
'''


def test_a_schedule_in_a_users_file_is_its_content(tmp_path):
    path = tmp_path / "my_schedule.py"
    path.write_text(OWN)
    mine = schedule_from({"name": f"{path}:Power", "exponent": 3})
    content = mine.ref.content
    assert mine.text == f"my_schedule.py:Power(content={content}, exponent=3.0)" and mine.leg == "decayed"
    assert mine.relative(2, 0).tolist() == [1.0, 0.125, 0.0]
    path.write_text(OWN.replace("(1 -", "(1.0 -"))
    assert schedule_from(f"{path}:Power").ref.content != content
    path.unlink()
    assert schedule_of(mine.text) == mine  # by value
    code = (
        "from onecurve.own_files import remember\nfrom onecurve.benchmark.schedules.schedule import schedule_of\n"
        f"remember({ {content: sources()[content]}!r})\n"
        f"print(schedule_of({mine.text!r}).relative(2, 0).tolist())\n"
        "import sys\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[1.0, 0.125, 0.0]"
    with pytest.raises(InputError, match="the file 'my_schedule.py' of a schedule is not there"):
        schedule_of("my_schedule.py:Power(content=00)")
