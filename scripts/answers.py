"""What further questions found, on the terminal: one plain line an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..collapse.sentences.reasons import say
from ..results.quantity import LOSS, Quantity
from .single_answers import forecast_line, single_lines

if TYPE_CHECKING:
    from ..collapse.group_inquiry import Controls, GroupInquiry
    from ..collapse.inquiry import Inquiry
    from ..collapse.irreducible.balance import Balance
    from ..collapse.ladders.last_losses import SeedNoise
    from ..collapse.planning.planner import Design, Plan
    from ..collapse.single.from_reruns import SingleRuns


def print_answers(inquiry: Inquiry, console: Console, *, across: bool = False) -> None:
    """Print what was asked beyond the verdicts, group by group and then across families."""
    names = [f"{group.family} on {group.dataset} ({group.leg} rate)" for group in inquiry.groups]
    for group, name, result in zip(inquiry.groups, names, inquiry.analysis.groups, strict=True):
        lines = list(_group_lines(group, inquiry.analysis.quantity))
        if lines:
            recipe = f", {result.recipe_label or result.recipe}" if names.count(name) > 1 else ""
            console.print(f"\n{name}{recipe}", style="bold")
        for line in lines:
            console.print(f"  {line}")
    if across and not inquiry.settings:
        console.print("\nfamilies: no data set has two families with seeds of their own, so none are compared")
    for setting in inquiry.settings:
        console.print(f"\nfamilies on {setting.dataset} ({setting.leg} rate)", style="bold")
        model = setting.model.model or "none"
        console.print(
            f"  smallest model that holds: {model}" + (f" ({setting.model.reason})" if setting.model.reason else "")
        )
        for card in setting.cards:
            console.print(f"  {card.sentence}")
        deviating = [one.family for one in setting.claims.families if one.deviates]
        claim = "all families share one curve" if setting.claims.all_share else "not shown that all share one curve"
        console.print(f"  {claim}; deviating (Holm): {', '.join(deviating) or 'none'}")
        for name, spread in setting.exponents.items():
            equal = "equal within the margin" if spread.equal else "not shown to be equal"
            console.print(
                f"  {name}: {spread.mean:.3f} [{spread.low:.3f}, {spread.high:.3f}], spread between families "
                f"{spread.tau:.3f} (at most {spread.tau_upper:.3f}): {equal}"
            )
    for leg in inquiry.legs:
        console.print(f"\ndata sets against architectures ({leg.leg} rate)", style="bold")
        console.print(f"  {leg.shares.sentence}")
        console.print(f"  margin: {leg.margin.note}")
        if leg.datasets.p is None:
            console.print(f"  data sets: {leg.datasets.status}")
        else:
            console.print(
                f"  curves of one data set are alike whatever the family: p = {leg.datasets.p:.3f} by permutation"
            )


def _group_lines(group: GroupInquiry, quantity: Quantity) -> Iterator[str]:
    if group.detectable is not None:
        yield from _detectable_lines(group)
    if group.where is not None:
        yield f"where: {say(group.where.reason)}" if group.where.reason else _where(group)
    if group.laws is not None:
        yield from _law_lines(group)
    if group.forecast is not None:
        yield _forecast_line(group)
    if group.controls is not None:
        yield from _control_lines(group.controls)
    for row in group.noise or ():
        yield _noise_line(row)
    if group.tightness is not None:
        yield from _tightness_lines(group.tightness, quantity)
    if group.single_runs is not None:
        yield from single_lines(group.single_runs)


def _detectable_lines(group: GroupInquiry) -> Iterator[str]:
    found = group.detectable
    assert found is not None
    if found.trend is None or found.odd_rung is None:
        yield f"what it would have shown: {found.status}"
        return
    line = (
        f"would have shown, with {100 * found.power:.0f} % power: a trend of {100 * found.trend:.1f} %, "
        f"one odd rung of {100 * found.odd_rung:.1f} %"
    )
    if found.certifiable is not None:
        line += f"; can certify a margin of {100 * found.certifiable:.1f} %"
    if found.horizon_error is not None:
        line += f"; a horizon exponent off by {100 * found.horizon_error:.0f} %"
    yield line


def _where(group: GroupInquiry) -> str:
    found = group.where
    assert found is not None
    rows = [f"{row.rung} {row.sign} at {_stretches(row.stretches)}" for row in found.rungs]
    said = "where: " + ("; ".join(rows) if rows else "no rung leaves the envelope") + f" (p = {found.p_value:.3f})"
    if found.slope is None or found.slope_low is None or found.slope_high is None:
        return said
    low, high = 100 * found.slope_low, 100 * found.slope_high
    return f"{said}; with each doubling of size {100 * found.slope:+.1f} % [{low:+.1f}, {high:+.1f}]"


def _stretches(where: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"x {first:.2g} to {last:.2g}" if last > first else f"x {first:.2g}" for first, last in where)


def _law_lines(group: GroupInquiry) -> Iterator[str]:
    laws = group.laws
    assert laws is not None
    balance = laws.balance
    if balance.floor is not None:
        yield (
            f"floor implied by the collapse: {balance.floor:.4g} [{balance.low:.4g}, {balance.high:.4g}]; "
            f"{say(balance.conclusion or balance.status)}"
        )
        yield from _floor_lines(balance)
    else:
        yield f"floor implied by the collapse: {say(balance.status)}"
    both = laws.joint
    found = say(both.status) if both.p is None else f"floor {both.floor:.4g}, p = {both.p:.3f}"
    yield f"one floor for whole curves and for end points on a power law: {found}"
    if laws.deltas is not None:
        found = [
            e for e in (laws.deltas.frontier, laws.deltas.composed, laws.deltas.end_slope) if e.estimate is not None
        ]
        shown = ", ".join(
            f"{e.name} {e.estimate.value:.3f} [{e.estimate.low:.3f}, {e.estimate.high:.3f}]"
            for e in found
            if e.estimate
        )
        agree = {True: "they agree", False: "they do not agree", None: "nothing to compare"}[laws.deltas.agree]
        yield f"delta: {shown or 'no estimate'}; {agree}"
    if laws.forms is not None:
        stable = "" if laws.forms.stability is None else f", stable in {100 * laws.forms.stability:.0f} % of resamples"
        yield f"form: {laws.forms.best or 'none'} ({laws.forms.status}{stable})"
    yield f"rescaling: {laws.rescalings.sentence}"
    ranked = [f"{one.name} {100 * one.error:.2g} %" for one in laws.rescalings.rescalings if one.error is not None]
    if ranked:
        yield f"rescalings by their error on rungs left out, free parameters paid for: {', '.join(ranked)}"


def _floor_lines(balance: Balance) -> Iterator[str]:
    """The two floors that the implied one is held against."""
    for name, one in (("end points'", balance.against_end_point), ("known", balance.against_known)):
        if one.reference is None or one.z is None or one.critical is None:
            yield f"  {name} floor: {say(one.status)}"
            continue
        fit = ""
        if name != "known" and balance.p_lack_of_fit is not None:
            fit = f"; lack of fit of a power law to the end points: p = {balance.p_lack_of_fit:.2g}"
        yield f"  {name} floor {one.reference:.4g}: z = {one.z:.2f} against {one.critical:.2f}{fit}"


def _control_lines(controls: Controls) -> Iterator[str]:
    shuffled, horizons = controls.shuffled, controls.wrong_horizons
    if shuffled is not None:
        yield (
            f"curves dealt to rungs at random deviate by {100 * shuffled.deviation:.1f} %, at most "
            f"{100 * shuffled.deviation_high:.1f} % in 95 of 100 deals; as much as here: p = {shuffled.p_deviation:.3f}"
        )
    if horizons.status != "ok":
        yield f"wrong horizons: {say(horizons.status)}"
    elif horizons.revealed is None:
        yield "wrong horizons: none of the errors that were tried would have shown"
    else:
        yield f"wrong horizons: an exponent off by {100 * horizons.revealed:.0f} % shows in these very curves"
    for one in controls.foreign:
        shown = one.status if one.deviation is None else f"differ by {100 * one.deviation:.1f} %"
        yield f"{one.control}: {shown}"


def _noise_line(row: SeedNoise) -> str:
    where = "" if row.x is None else f", read at x = {row.x:.4g}"
    cut = f", {row.n_censored} of them cut short" if row.n_censored else ""
    runs = f"noise of {row.rung}, {row.n_seeds} seeds{cut}{where}: "
    if row.sd is None:
        return runs + say(row.status)
    relative = "" if row.relative is None else f", {100 * row.relative:.2g} % of the excess"
    return f"{runs}sd {row.sd:.3g} [{row.low:.3g}, {row.high:.3g}] about {row.mean:.5g}{relative}"


def _tightness_lines(found: SingleRuns, quantity: Quantity) -> Iterator[str]:
    if found.tightness is None:
        yield f"tightness: {say(found.status)}"
        return
    tight, origin = found.tightness, " of other recipes" if found.borrowed else ""
    bands = ", ".join(f"{floor:.4g}" for floor in tight.by_band)
    ends = "" if found.end_point is None else f"; a power law through the end points gives {found.end_point:.4g}"
    yield f"tightest floor: {tight.tightest:.4g} (early, middle, late: {bands}); {say(tight.status)}{ends}"
    if found.bound is None:
        yield f"bound on single runs: {quantity.say('give a floor below every loss')} with --irreducible-loss"
    elif found.bound.upper_bound is None or found.bound.noise is None:
        yield f"single runs deviate by {100 * found.bound.deviation:.2g} %; {say(found.bound.status)}"
    else:
        yield (
            f"single runs deviate by {100 * found.bound.deviation:.2g} %, bound {100 * found.bound.upper_bound:.2g} % "
            f"at {quantity.symbol} = {found.irreducible_loss:.4g} from x = {found.x_min:.2g}; "
            f"noise {100 * found.bound.noise:.2g} % from {found.n_reruns} reruns{origin}"
        )


def _forecast_line(group: GroupInquiry) -> str:
    assert group.forecast is not None
    return forecast_line(group.forecast)


def print_plan(plan: Plan, console: Console, quantity: Quantity | None = None) -> None:
    """Print what a sweep needs, goal by goal, by a pilot's curves of a quantity where there is one."""
    low, high = 100 * plan.noise_low, 100 * plan.noise_high
    of = "" if quantity is None or quantity == LOSS else f" of the {quantity.title}"
    console.print(f"noise of one normalised curve{of}: {100 * plan.noise:.2g} % [{low:.2g}, {high:.2g}]")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("goal", "power", "rungs", "span", "seeds", "simulated power", "cost", "status"):
        table.add_column(name, justify="left" if name in ("goal", "status") else "right")
    for design in (*plan.designs, *(one for one in plan.alternatives if one.method == "simulation")):
        table.add_row(*_design(design, plan.unit))
    console.print(table)
    for warning in plan.warnings:
        console.print(f"note: {warning}", style="dim")


def _design(design: Design, unit: str | None) -> list[str]:
    interval = f" [{design.seeds_low}, {design.seeds_high}]" if design.seeds_low is not None else ""
    power = design.simulated_power
    return [
        f"{design.goal} {100 * design.amount:.3g} %",
        f"{100 * design.power:.0f} %",
        str(design.rungs),
        f"{design.span:.3g}",
        "-" if design.seeds is None else f"{design.seeds}{interval}",
        "-" if power is None else f"{power.value:.2f} [{power.low:.2f}, {power.high:.2f}]",
        "-" if design.cost is None else f"{design.cost:.3g} {unit}",
        design.status,
    ]
