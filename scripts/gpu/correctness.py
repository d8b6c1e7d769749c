"""Whether a device trains what a processor trains: curves, branches, packs, resuming, gradients, precisions."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from ...architectures.family import FAMILIES, Family
from ...architectures.parametrization import initialise
from ...benchmark.checks.tasks import home
from ...benchmark.devices import CPU, Device, captured, torch_settings
from ...benchmark.lane import TrainedTrial
from ...benchmark.replicas import Single, random_batch
from ...benchmark.train import train
from ...errors import InputError, first_line
from ...results.trials import TrialSpec
from .measured_trials import spec, update_of
from .report import Report

WAVES = {"inputs": 4, "modes": 256, "pool": 160_000, "test_size": 2048}
_GRADIENTS = 1e-9  # relative, in float64


def trials(name: str, quick: bool, **changes: object) -> list[TrialSpec]:
    """The trials whose curves are compared, by family."""
    few, steps = (4, 24) if quick else (32, 400)
    if name == "mlp":
        waves = WAVES if not quick else {"inputs": 2, "modes": 64, "pool": 8192, "test_size": 512}
        given: tuple = ("mlp", {"width": 48}, "fourier", waves)
    elif name == "decoder":
        few, steps = (2, 8) if quick else (8, 200)
        given = ("decoder", {"width": 20}, "markov-text", {"test_size": 64 if quick else 512})
    else:
        few, steps = (2, 6) if quick else (4, 100)
        given = ("cnn", {"width": 12}, "glyphs", {"classes": 3, "test_size": 120} if quick else {})
    return [spec(*given, seed=seed, **{"horizon_steps": steps, **changes}) for seed in range(few)]


def curves(trained: Sequence[TrainedTrial]) -> np.ndarray:
    """``(evaluations, trials)`` test losses."""
    return np.array([trial.test_loss for trial in trained]).T


def correctness(device: Device, quick: bool, report: Report) -> None:
    """All of it; whatever raises is a line."""
    for name in ("mlp", "decoder", "cnn"):
        tried(report, f"{name}: CPU and device", lambda name=name: _same_curves(name, device, quick, report))
    tried(report, "branches", lambda: _branches(device, quick, report))
    tried(report, "repeats", lambda: _repeats(device, quick, report))
    tried(report, "size of the pack", lambda: _pack_bits(device, quick, report))
    tried(report, "resume", lambda: _resume(device, quick, report))
    tried(report, "precisions", lambda: _precisions(device, quick, report))
    tried(report, "families", lambda: _families(device, quick, report))


def tried(report: Report, what: str, work) -> None:
    """Do something; a failure is a line."""
    try:
        work()
    except ModuleNotFoundError as error:
        report.say(what, f"left out: no {error.name} here")
    except Exception as error:
        report.say(what, f"failed: {first_line(error)}", "runs", False)


def _same_curves(name: str, device: Device, quick: bool, report: Report) -> None:
    pack = trials(name, quick)
    here, there = curves(train(pack, threads=4)), curves(train(pack, device=device))
    off = there / here - 1
    start, shift = float(np.abs(off[0]).max()), np.abs(off.mean(1))
    error = off.std(1, ddof=1) / np.sqrt(len(pack))
    noise = here.std(1, ddof=1) / here.mean(1)
    worst = int(shift.argmax())
    report.say(f"{name}: start, CPU and device", f"{start:.1e} apart", "1e-6", start <= 1e-6)
    within = bool(np.all((shift <= 3 * error + 1e-6) & (shift <= 0.1 * noise + 1e-6)))
    report.say(
        f"{name}: {len(pack)} trials, CPU and device",
        f"means {shift[worst]:.1e} apart, standard error {error[worst]:.1e}, seed noise {noise[worst]:.1e}",
        "below 3 standard errors and a tenth of the seed noise",
        within,
        shift=shift.tolist(),
        error=error.tolist(),
        noise=noise.tolist(),
    )


def _branches(device: Device, quick: bool, report: Report) -> None:
    pack = trials("mlp", quick, packed=False, horizon_steps=24)[:4]
    alone = np.concatenate([curves(train([each], device=device)) for each in pack], axis=1)
    same = bool(np.array_equal(alone, curves(train(pack, device=device))))
    report.say("4 branches of one graph and each alone", "equal bits" if same else "other bits", "equal", same)


def _repeats(device: Device, quick: bool, report: Report) -> None:
    for name in ("mlp", "decoder"):
        pack = trials(name, quick)[:4]
        first, second = (curves(train(pack, device=device, replicas=8)) for _ in range(2))
        same = bool(np.array_equal(first, second))
        report.say(f"{name}: the same pack twice", "equal bits" if same else "other bits", "equal", same)


def _pack_bits(device: Device, quick: bool, report: Report) -> None:
    sizes = (2, 3, 8) if quick else (2, 3, 8, 16, 32, 64, 128, 256)
    for name in ("mlp", "decoder"):
        pack = trials(name, quick, horizon_steps=12)[:2]
        found = {size: curves(train(pack, device=device, replicas=size)) for size in sizes}
        equal = [size for size in sizes if np.array_equal(found[size], found[sizes[-1]])]
        report.say(f"{name}: pack sizes with the bits of {sizes[-1]}", str(equal), sizes=sizes, equal=equal)


def _resume(device: Device, quick: bool, report: Report) -> None:
    family, half = FAMILIES.make("decoder"), 3 if quick else 40
    with torch_settings():
        straight, first, second = (update_of(family, family.ladder[0], 4, device) for _ in range(3))
        whole, begun = captured(straight, [straight], device), captured(first, [first], device)
        for update in (straight, first, second):
            update.clock.set(0)
        for _ in range(2 * half):
            whole()
        for _ in range(half):
            begun()
        second.put_back(first.taken())
        rest = captured(second, [second], device)
        for _ in range(half):
            rest()
        same = all(map(torch.equal, straight.taken(), second.taken()))
    report.say("half a run, put away and gone on with", "equal bits" if same else "other bits", "equal", same)


def _precisions(device: Device, quick: bool, report: Report) -> None:
    base = curves(train(trials("mlp", quick), device=device))
    for precision in ("tf32", "bf16"):
        try:
            off = curves(train(trials("mlp", quick, precision=precision), device=device)) / base - 1
        except InputError as error:
            report.say(f"{precision} beside float32", f"refused: {error}")
            continue
        worst = int(np.abs(off.mean(1)).argmax())
        error = off[worst].std(ddof=1) / np.sqrt(off.shape[1])
        report.say(f"{precision} beside float32", f"means {off.mean(1)[worst]:+.1e} apart, standard error {error:.1e}")


def _families(device: Device, quick: bool, report: Report) -> None:
    names = ["mlp", "decoder", "gru", "cnn"] if quick else FAMILIES.names()
    wrong, left_out = dict[str, str](), dict[str, str]()
    with torch_settings():
        for name in names:
            try:
                off = _gradients_apart(FAMILIES.make(name), device)
                if not off <= _GRADIENTS:
                    wrong[name] = f"{off:.0e} apart"
            except ModuleNotFoundError as error:
                left_out[name] = f"no {error.name}"
            except Exception as error:  # a determinism that is refused names its operation
                wrong[name] = first_line(error)
    tell = f"{len(names) - len(left_out)} tried" + "".join(f"; {name}: {why}" for name, why in wrong.items())
    tell += f"; left out: {', '.join(left_out)} ({', '.join(set(left_out.values()))})" if left_out else ""
    report.say("families: loss and gradients in float64, CPU and device", tell, f"{_GRADIENTS:g}", not wrong)


def _gradients_apart(family: Family, device: Device) -> float:
    """The largest relative distance between a loss or gradient on the two devices, in float64."""
    task = home(family)
    net = initialise(family, family.ladder[0], task, seed=0, parametrization="mup", optimizer="adam").double()
    batch = [part.double() if part.is_floating_point() else part for part in random_batch(task, 8)]
    found = []
    for place in (CPU.place, device.place):
        single = Single(copy.deepcopy(net), task, place)
        inputs, targets = (part[None].to(place) for part in batch)
        loss = single.losses(inputs, targets).sum()
        loss.backward()
        gradients = [p.grad.cpu() for _, p in single.named_parameters() if p.grad is not None]
        found.append([loss.detach().cpu(), *gradients])
    return max(float((a - b).norm() / (a.norm() + 1e-300)) for a, b in zip(*found, strict=True))
