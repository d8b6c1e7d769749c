"""How fast a device trains: packs and branches, eager and as graphs, beside the host's cores and a plain loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import torch

from ...architectures.family import FAMILIES, Family, Rung
from ...architectures.flops import count
from ...architectures.parametrization import initialise
from ...benchmark.checks.tasks import home
from ...benchmark.devices import CPU, Device, captured, memory_error, side_by_side, torch_settings
from ...benchmark.losses import example_losses
from ...benchmark.replicas import random_batch
from ...errors import first_line
from ...results.trials import rung_label
from .measured_trials import BATCH, seconds_of, update_of
from .report import Report

NAMES = ("mlp", "resmlp", "decoder", "gru", "vit", "cnn")
_CORES_PACK = 16  # networks of a pack on a core
_LIMIT = 200.0  # seconds after which no other rung begins
Place = tuple[str, int]  # a family and the place of a rung on its ladder


def speed(device: Device, quick: bool, report: Report) -> None:
    """Net-updates a second of every family at both ends of its ladder, and the targets."""
    names = NAMES[:1] if quick else NAMES
    cores = _cores([(name, place) for name in names for place in (0, -1)], quick, report)
    began = time.perf_counter()
    for name in names:
        for place in (0, -1):
            if time.perf_counter() - began > _LIMIT:
                report.say(f"{name}, rung {place}", "left out: no time")
                continue
            try:
                with torch_settings():
                    _rung(name, place, device, quick, report, cores.get(f"{name} {place}"))
            except ModuleNotFoundError as error:
                report.say(name, f"left out: no {error.name} here")
            except Exception as error:
                report.say(f"{name}, rung {place}", f"failed: {first_line(error)}", "runs", False)
            finally:
                device.release()


def _rung(name: str, place: int, device: Device, quick: bool, report: Report, cores: float | None) -> None:
    family = FAMILIES.make(name)
    rung, least = family.ladder[place], 0.05 if quick else 0.4
    label = f"{name} {rung_label(rung)}"
    best, sizes = 0.0, ((1, 4) if quick else (1, 16, 64, 256, 512) if family.packable else (1, 4, 16))
    for size in sizes:
        try:
            eager, graph = _rates(family, rung, size, device, least)
        except RuntimeError as error:
            if memory_error(error) is None:
                raise
            report.say(f"{label}, R = {size}", "out of memory")
            device.release()
            break
        best = max(best, graph)
        target, met = ("graph 5 x eager", graph >= 5 * eager) if size <= 64 else ("", None)
        told = f"eager {eager:,.0f}, graph {graph:,.0f} net-updates/s: {graph / eager:.1f} x"
        decided = met if device.kind == "cuda" else None
        report.say(f"{label}, R = {size}", told, target, decided, replicas=size, eager=eager, graph=graph)
    _against(report, label, best, cores, "the host's cores", 15 if place == 0 else 40, device)
    if place == 0:
        plain = 1 / seconds_of(_plain(family, rung, device), device, least)
        wanted = {"mlp": 20, "decoder": 5}.get(name)
        _against(report, label, best, plain, "a plain torch loop on the device", wanted, device)
    elif family.packable:
        share = best * BATCH * count(family, rung, home(family)).training / _ceiling(family, rung, device, least)
        decided = share >= 0.4 if device.kind == "cuda" else None
        report.say(f"{label}: share of the batched product", f"{100 * share:.0f} %", "40 %", decided, share=share)


def _rates(family: Family, rung: Rung, size: int, device: Device, least: float) -> tuple[float, float]:
    """Net-updates a second: eagerly and as a graph, of a pack or of branches."""
    if family.packable and size > 1:
        updates = [update_of(family, rung, size, device)]
    else:
        updates = [update_of(family, rung, 1, device, packed=False) for _ in range(size)]
    work = side_by_side(updates, device)
    eager = size / seconds_of(work, device, least)
    for update in updates:
        update.clock.set(0)
    return eager, size / seconds_of(captured(work, updates, device), device, least)


def _against(
    report: Report, label: str, best: float, other: float | None, what: str, wanted: int | None, device: Device
) -> None:
    if not other:
        return
    decided = best >= wanted * other if wanted and device.kind == "cuda" else None
    told = f"{best / other:.1f} x ({best:,.0f} beside {other:,.0f} net-updates/s)"
    report.say(f"{label}: against {what}", told, f"{wanted} x" if wanted else "", decided, ratio=best / other)


def _plain(family: Family, rung: Rung, device: Device):
    """One network, a batch on the device, torch's own Adam: what one writes without Onecurve."""
    task = home(family)
    net = initialise(family, rung, task, seed=0, parametrization="mup", optimizer="adam").to(device.place)
    inputs, targets = (part.to(device.place) for part in random_batch(task, BATCH))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4)

    def update() -> None:
        optimiser.zero_grad()
        example_losses(task, net(inputs), targets).mean().backward()
        optimiser.step()

    return update


def _ceiling(family: Family, rung: Rung, device: Device, least: float) -> float:
    """FLOP a second of a batched product of 64 networks at the rung's width, in float32."""
    task, width = home(family), next(iter(rung.values()))
    rows = BATCH * (task.shape[0] if task.kind == "tokens" else 16 if task.kind == "image" else 1)
    a, b = torch.randn(64, rows, width, device=device.place), torch.randn(64, width, width, device=device.place)
    return 2 * 64 * rows * width**2 / seconds_of(lambda: torch.bmm(a, b), device, least)


def _cores(places: list[Place], quick: bool, report: Report) -> dict[str, float]:
    """Net-updates a second of all cores at once, each with the pack that trains on a processor today."""
    cores = 2 if quick else len(os.sched_getaffinity(0))
    command = [sys.executable, "-m", __name__, json.dumps(places), "0.1" if quick else "2"]
    # The package may lie in an archive that Python was started with: the children look where this process does.
    known = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **known}) for _ in range(cores)
    ]
    told = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        report.say("the host's cores", "failed to train", "train", False)
        return {}
    found = [json.loads(each.splitlines()[-1]) for each in told]
    total = {name: float(sum(each.get(name, 0.0) for each in found)) for name in found[0]}
    report.say("the host's cores", f"{cores} at once", rates=total)
    return total


def one_core(places: list[Place], span: float) -> dict[str, float]:
    """Net-updates a second of this process on one thread."""
    found = {}
    with torch_settings(1):
        for name, place in places:
            family = FAMILIES.make(name)
            try:
                packed = family.packable
                update = update_of(family, family.ladder[place], _CORES_PACK if packed else 1, CPU, packed=packed)
            except ModuleNotFoundError:
                continue
            update()
            calls, began = 0, time.perf_counter()
            while (spent := time.perf_counter() - began) < span or not calls:
                update()
                calls += 1
            found[f"{name} {place}"] = calls * (_CORES_PACK if packed else 1) / spent
    return found


if __name__ == "__main__":
    print(json.dumps(one_core(json.loads(sys.argv[1]), float(sys.argv[2]))))
