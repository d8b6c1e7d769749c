"""Every form of the catalogue keeps what a form promises, and a user's own form reaches every comparison of forms."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from onecurve.collapse.calibration.simulation import Scenario, simulate
from onecurve.collapse.families.models import RIVALS
from onecurve.collapse.families.posterior import fit_prior
from onecurve.collapse.forms.clock import Clock
from onecurve.collapse.forms.form import FORMS, Form, Parameter
from onecurve.collapse.forms.own import asked_forms, check_form
from onecurve.collapse.forms.posed import Posed
from onecurve.collapse.inquiry import inquire
from onecurve.collapse.laws.comparison import COMPARED
from onecurve.collapse.laws.search import fit_from_many
from onecurve.errors import InputError
from onecurve.results.curves import CurveSet
from onecurve.results.grid import common_grid, log_weights

X = common_grid()
DECAY = Clock(X, 1 - (1 - X) ** 2, 1 - X, 0.0)
AT = 7  # a point of the grid at which formulas are worked out by hand


def multi_power_by_hand(x, y, mu, share, drop, speed):
    """Term by term over the steps of the rate, as the published sum is written."""
    phases, rates = [0.0, *DECAY.phase, 1.0], [1.0, *DECAY.rate, 0.0]

    def lowered(now):
        total = 0.0
        for k in range(1, len(rates)):
            after = max((rates[k] + rates[k - 1]) / 2, 1e-3)
            since = max(now - (phases[k] + phases[k - 1]) / 2, 0.0)
            total += (rates[k - 1] - rates[k]) * (1 - (1 + speed * after**-0.64 * since) ** -0.6)
        return drop * total

    return math.log(share * y**-mu + 1 - share - lowered(y) + lowered(1.0))


# The formula of each form as it is printed, the same worked out with plain numbers, and parameters to try it at. A
# formula whose text changes is not found here, and has to be worked out again.
BY_HAND = {
    "l = (r y^-mu + 1)/(1 + r), share = r/(1 + r)": (
        lambda x, y, mu, share: math.log((share / (1 - share) * y**-mu + 1) / (1 + share / (1 - share))),
        (0.6, 0.4),
    ),
    "l = share x^-mu + 1 - share, in steps, blind to the schedule": (
        lambda x, y, mu, share: math.log(share * x**-mu + 1 - share),
        (0.6, 0.4),
    ),
    "l = share y^-mu + (1 - share) y^-slow": (
        lambda x, y, mu, slow, share: math.log(share * y**-mu + (1 - share) * y**-slow),
        (1.5, 0.05, 0.3),
    ),
    "ln l = depth (1 - y^beta)": (lambda x, y, depth, beta: depth * (1 - y**beta), (2.0, 0.7)),
    "l = 1 - slope ln[(y + shift)/(1 + shift)]": (
        lambda x, y, slope, shift: math.log(1 - slope * math.log((y + shift) / (1 + shift))),
        (1.5, 0.2),
    ),
    "l = [1 + e^(k (1 - middle))]/[1 + e^(k (y - middle))]": (
        lambda x, y, k, middle: math.log((1 + math.exp(k * (1 - middle))) / (1 + math.exp(k * (y - middle)))),
        (8.0, 0.6),
    ),
    "ln l = -mu ln y - change w [ln(1 + (y/e^place)^(1/w)) - the same at y = 1], w = .3": (
        lambda x, y, mu, change, place: (
            -mu * math.log(y)
            - change
            * 0.3
            * (math.log(1 + (y / math.exp(place)) ** (1 / 0.3)) - math.log(1 + (1 / math.exp(place)) ** (1 / 0.3)))
        ),
        (0.3, 0.9, -0.9),
    ),
    "l = share y^-mu + 1 - share - drop sum_k d eta_k [1 - (1 + speed eta_k^-.64 S_k)^-.6] + the same at 1": (
        multi_power_by_hand,
        (0.6, 0.5, 0.3, 10.0),
    ),
}


@pytest.fixture(params=FORMS.names())
def form(request) -> Form:
    return FORMS.make(request.param)


def test_a_form_agrees_with_its_formula(form):
    by_hand, values = BY_HAND[form.formula]
    found = form.log_curve(values, DECAY)
    assert found.shape == X.shape
    assert found[AT] == pytest.approx(by_hand(X[AT], float(DECAY.phase[AT]), *values), rel=1e-12)
    columns = [np.full((3, 1), value) for value in values]
    assert form.log_curve(columns, DECAY) == pytest.approx(np.tile(found, (3, 1)), rel=1e-12)


def test_a_form_is_one_at_the_end_and_declines(form):
    check_form(form)
    values = BY_HAND[form.formula][1]
    for clock in (
        Clock.constant(np.append(X, 1.0)),
        Clock(np.append(X, 1.0), *(np.append(a, e) for a, e in ((DECAY.phase, 1.0), (DECAY.rate, 0.0))), 0.0),
    ):
        z = form.log_curve(values, clock)
        assert z[-1] == pytest.approx(0.0, abs=1e-12)
        assert np.all(np.diff(z) < 0)


def test_a_form_finds_its_own_parameters_again(form):
    posed = Posed.on(form, DECAY)
    truth = np.array([*BY_HAND[form.formula][1], *([0.2] if form.annealed else [])])
    assert len(truth) == len(posed.parameters)
    curve = posed.at([*truth])
    theta, reached = fit_from_many(posed.curve, posed.starts, curve, log_weights(X), posed.low, posed.high)
    assert reached > 0
    assert posed.curve(theta[None])[0] == pytest.approx(curve, abs=2e-4)
    assert posed.natural(theta) == pytest.approx(truth, rel=0.05, abs=0.02)


def test_a_form_is_found_under_a_prior(form):
    posed = Posed.on(form, DECAY)
    truth = [*BY_HAND[form.formula][1], *([0.2] if form.annealed else [])]
    curve = posed.at(truth)
    fit = fit_prior(posed.under_prior, curve, 1e5 * np.eye(len(X)), posed.prior)
    assert fit.curve == pytest.approx(curve, abs=2e-3)


def test_a_form_says_what_it_is_and_where_it_is_from(form):
    assert form.citation and form.__doc__
    same = form.same_at_constant_rate
    if same is not None:
        values = BY_HAND[form.formula][1]
        other = FORMS.make(same)
        constant = Clock.constant(X)
        assert form.coincides(constant) == same and form.coincides(DECAY) is None
        assert form.log_curve(values, constant) == pytest.approx(other.log_curve(values[:2], constant))


def test_consumers_name_forms_that_there_are():
    assert sorted(COMPARED) == FORMS.names()
    assert set(RIVALS) < set(COMPARED)


# ---- a user's own form

MINE = '''
import dataclasses
import numpy as np
from onecurve.collapse.forms.form import Form, Parameter

@dataclasses.dataclass(frozen=True)
class Quadratic(Form):
    """A parabola in ln y."""
    formula = "ln l = -a ln y + b (ln y)^2"
    parameters = (
        Parameter(name="a", low=0.01, high=3.0, starts=(0.1, 0.5), scale="logarithm"),
        Parameter(name="b", low=-0.3, high=0.3, starts=(0.0,)),
    )

    def log_curve(self, parameters, clock):
        a, b = parameters
        return -a * np.log(clock.phase) + b * np.log(clock.phase) ** 2
'''


@pytest.fixture
def mine(tmp_path) -> str:
    (tmp_path / "my_form.py").write_text(MINE)
    return f"{tmp_path}/my_form.py:Quadratic"


def three_families() -> CurveSet:
    rng = np.random.default_rng(0)
    curves = [simulate(Scenario(seeds=3), 1, rng).curves(0, family=family) for family in "abc"]
    return CurveSet.of([curve for group in curves for curve in group])


def test_a_users_form_reaches_every_comparison(mine):
    curves = three_families()
    found = inquire(curves, ["laws", "forecast", "across"], rng=np.random.default_rng(0), forms=[mine])
    group = found.groups[0]
    name = "my_form.py:Quadratic"
    assert {fit.name for fit in group.laws.forms.fits} == {*COMPARED, name}
    fit = next(fit for fit in group.laws.forms.fits if fit.name == name)
    assert set(fit.parameters) == {"a", "b"} and fit.left_out_error > 0
    reference = next(one for one in group.forecast.references if one.name == name)
    assert group.forecast.master.skill[name].value == pytest.approx(1 - group.forecast.master.crps / reference.crps)
    assert set(group.forecast.master.skill) == {"own power law", "sum of power laws", "last value", name}
    rivals = [score.model for score in found.settings[0].model.rivals]
    assert rivals == [*RIVALS, name]


def test_a_form_with_other_parameters_is_no_rival_and_a_known_one_is_no_second():
    names = ["two power laws", "logarithmic", "power law with offset", "sum of power laws"]
    found = inquire(three_families(), ["laws", "across"], rng=np.random.default_rng(0), forms=names)
    assert [score.model for score in found.settings[0].model.rivals] == list(RIVALS)
    assert len(found.groups[0].laws.forms.fits) == len(COMPARED)


def test_the_verb_takes_a_form(onecurve, mine, tmp_path):
    rows = ["family,dataset,size,seed,x,loss,leg,irreducible_loss"]
    for curve in simulate(Scenario(), 1, np.random.default_rng(0)).curves(0):
        for x, loss in zip(curve.x.tolist(), curve.loss.tolist(), strict=True):
            rows.append(f"a,d,{curve.size},{curve.seed},{x!r},{loss!r},constant,1.0")
    (tmp_path / "curves.csv").write_text("\n".join(rows))
    done = onecurve("analyze", "curves.csv", "--laws", "--form", "my_form.py:Quadratic", "--json", "-")
    assert done.returncode == 0, done.stderr
    fits = json.loads(done.stdout)["groups"][0]["laws"]["forms"]["fits"]
    assert "my_form.py:Quadratic" in {fit["name"] for fit in fits}
    alone = onecurve("analyze", "curves.csv", "--form", "my_form.py:Quadratic")
    assert alone.returncode != 0 and "--laws" in alone.stderr


def test_the_catalogue_is_listed(onecurve):
    rows = json.loads(onecurve("list", "forms", "--json").stdout)
    assert [row["form"] for row in rows] == FORMS.names()
    assert all(row["formula"] and row["source"] and row["parameters"] for row in rows)
    assert "broken power law" in onecurve("list", "forms").stdout


def test_unknown_forms_suggest_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'logistic'"):
        asked_forms(["logistc"])


def test_two_forms_of_one_name_are_refused():
    @dataclasses.dataclass(frozen=True)
    class Other(Form):
        name = "logistic"

    FORMS.names()
    with pytest.raises(InputError, match="two entries"):
        FORMS.register(Other)


@dataclasses.dataclass(frozen=True)
class Power(Form):
    name = "power"
    formula = "l = y^-a"
    parameters = (Parameter(name="a", low=0.1, high=2.0, starts=(0.5,), scale="logarithm"),)

    def log_curve(self, parameters, clock):
        return -parameters[0] * np.log(clock.phase)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parameters": ()}, "names no `parameters`"),
        ({"parameters": Power.parameters * 2}, "a name of its own"),
        ({"parameters": (Parameter(name="gain", low=0.1, high=1.0, starts=(0.5,)),)}, "called gain"),
        ({"parameters": (Parameter(name="a", low=-1.0, high=1.0, starts=(0.5,), scale="logarithm"),)}, "above 0"),
        ({"parameters": (Parameter(name="a", low=0.1, high=2.0, starts=(0.5,), scale="share"),)}, "between 0 and 1"),
        ({"parameters": (Parameter(name="a", low=2.0, high=1.0, starts=(1.5,)),)}, "low below high"),
        ({"parameters": (Parameter(name="a", low=1.0, high=2.0, starts=(0.5,)),)}, "needs starts"),
        ({"log_curve": lambda self, parameters, clock: 1 - parameters[0] * np.log(clock.phase)}, "must be 1 at x = 1"),
        ({"log_curve": lambda self, parameters, clock: np.zeros(3)}, "must broadcast"),
        ({"log_curve": lambda self, parameters, clock: parameters[0] / 0 * clock.x}, "not finite|cannot be computed"),
        ({"log_curve": lambda self, parameters, clock: clock.y}, "cannot be computed"),
    ],
)
def test_a_form_that_is_none_is_refused(changes, said):
    check_form(Power())
    with pytest.raises(InputError, match=said):
        check_form(type("Wrong", (Power,), changes)())
