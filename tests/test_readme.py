"""The README is true: its commands run, its example trains, its table is that of the published run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onecurve as oc
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from onecurve.benchmark.sweep import load_sweep
from onecurve.benchmark.sweep_plan import plan_sweep
from onecurve.collapse.sentences.verdicts import reading_order
from onecurve.results.group_names import told_apart, with_control
from onecurve.results.store import Store

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "results" / "reference" / "study.md"
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "bash" for line in text.strip().splitlines()]
# Run by tests of their own, in this file.
ELSEWHERE = ["pip install .", "make demo", "make test", "onecurve try my_net.py:MyNet"]
SEQUENCE = [line for line in COMMANDS if line.startswith("onecurve ") and line not in ELSEWHERE]
DEMO = ROOT / "results" / "reference" / "quick.parquet"


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def run(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command.split(),
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, **environment},
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def test_every_command_is_run_by_a_test():
    known = [command for command in COMMANDS if command in ELSEWHERE or command.startswith("onecurve ")]
    assert known == COMMANDS
    assert set(ELSEWHERE) <= set(COMMANDS)


def place_inputs(folder: Path, sweep: str, families: list[str] | None = None) -> None:
    """The sweep and the published table where the commands look for them; of the table perhaps some families alone."""
    (folder / "my.yaml").write_text(sweep)
    reference = folder / "results" / "reference"
    reference.mkdir(parents=True)
    known = None if families is None else pc.field("family").isin(families)
    pq.write_table(pq.read_table(DEMO, filters=known), reference / DEMO.name)


def check_outputs(folder: Path, n_seeds: int) -> None:
    assert (folder / "figures" / "summary.png").stat().st_size > 10_000
    assert (folder / "runs" / "my" / "figures" / "dataset-fourier.png").exists()
    assert (folder / "runs" / "my" / "report.html").stat().st_size > 100_000
    assert (folder / "copies" / "my" / "my.lock.json").exists()
    groups = json.loads((folder / "runs" / "my" / "analysis.json").read_text())["groups"]
    assert {(group["family"], group["n_rungs"], group["n_seeds"]) for group in groups} == {
        ("mlp", 3, n_seeds),
        ("resmlp", 3, n_seeds),
    }


def test_commands_in_order_on_small_inputs(tmp_path, onecurve):
    """Every verb, option and file of the commands: with fewer seeds and steps, without Ray, in this process."""
    sweep = yaml.safe_load(blocks("yaml")[0])
    sweep["groups"][0] |= {"seeds": 2, "horizon": {"rule": "power-law", "steps": 20, "exponent": 0.7}}
    place_inputs(tmp_path, yaml.safe_dump(sweep), families=["linear"])
    for command in SEQUENCE:
        words = command.split()[1:]
        done = onecurve(*words, *(["--address", "in-process"] if words[0] == "run" else []))
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    check_outputs(tmp_path, n_seeds=2)


@pytest.mark.slow
def test_commands_in_order(tmp_path):
    place_inputs(tmp_path, blocks("yaml")[0])
    for command in SEQUENCE:
        run(command, tmp_path)
    check_outputs(tmp_path, n_seeds=4)


def test_the_example_family_is_a_family():
    code = blocks("python")[1] + (
        "\nfrom onecurve.task import Task\nimport torch\n"
        "net = FAMILIES.make('tanhnet').build({'width': 24}, Task(kind='image', shape=(1, 8, 8), outputs=3, "
        "loss='cross_entropy'))\nprint(tuple(net(torch.zeros(5, 1, 8, 8)).shape))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(5, 3)"


def test_the_example_family_keeps_every_promise(onecurve_process, tmp_path):
    (text,) = [block for block in blocks("python") if "@FAMILIES.register" in block]
    (tmp_path / "tanhnet.py").write_text(text)
    done = onecurve_process("check-family", "tanhnet.py:TanhNet", "--promises")  # it registers a family
    assert done.returncode == 0 and "BROKEN" not in done.stdout, done.stdout + done.stderr
    assert "kept   refuses" in done.stdout


def test_the_example_network_and_the_model_by_name_are_families(tmp_path):
    (tmp_path / "my_net.py").write_text(blocks("python")[0])
    (zoo,) = [yaml.safe_load(text) for text in re.findall(r"`(\{name: \"timm.*?\})`", README)]
    groups = {"datasets": "glyphs", "rungs": [8, 12, 16], "seeds": 2, "horizon": {"rule": "steps", "steps": 10}}
    path = tmp_path / "both.yaml"
    families = [zoo, f"{tmp_path / 'my_net.py'}:MyNet"]
    path.write_text(yaml.safe_dump({"name": "both", "groups": [{**groups, "families": families}]}))
    sizes = [plan_row["n_params"] for plan_row in plan_sweep(load_sweep(str(path)), Store(tmp_path), {})["cells"]]
    assert sizes[:3] == sorted(sizes[:3]) and sizes[3:] == [width * (256 + width + 12) + 10 for width in (8, 12, 16)]


@pytest.mark.slow
def test_the_example_network_is_tried(tmp_path):
    (tmp_path / "my_net.py").write_text(blocks("python")[0])
    said = run("onecurve try my_net.py:MyNet", tmp_path).stdout
    assert "MyNet" in said and "%" in said
    assert (tmp_path / "runs" / "try-MyNet" / "figures" / "try.png").stat().st_size > 10_000


def test_the_table_is_that_of_the_published_run():
    """Every group by its loss, then the one that has averaged weights by theirs."""
    table = README.partition("<!-- table -->")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    peers = oc.analyze(oc.read(DEMO)).groups
    averaged = oc.analyze(oc.read(DEMO, "averaged-loss")).groups
    expected = []
    for of, groups in (("loss", peers), ("averaged_loss", averaged)):
        for group in sorted(groups, key=reading_order):
            name = with_control(told_apart(group, peers), group)
            assert group.rescaled.scale == "end-point"
            numbers = " | ".join(f"{100 * n:.1f} %" for n in (group.deviation, group.upper_bound, group.noise_bound))
            design = f"{group.n_rungs} x {group.n_seeds}"
            expected.append(f"| {name} | {group.dataset} | {of} | {design} | {numbers} | {group.verdict} |")
    assert rows == expected
    assert "control: holds" in rows[0] and "control: fails" in rows[1]
    (network,) = averaged
    assert (network.evidence, network.leg) == ("confirmatory", "constant") and network.noise_bound < network.margin
    bounds = f"{100 * network.lower_bound:.1f} and {100 * network.upper_bound:.1f} %"
    assert f"deviates by {100 * network.deviation:.1f} %, between {bounds}" in " ".join(README.split())


def test_the_nearest_to_a_collapse_is_as_far_as_stated(onecurve):
    """The ladders of 64 seeds at a constant rate, by averaged weights, in the tables of the study."""
    core = ROOT / "results" / "reference" / "core"
    groups = json.loads(onecurve("analyze", core, "--of", "averaged_loss", "--json", "-").stdout)["groups"]
    words = " ".join(README.split())
    found = {group["evidence"]: group for group in groups if group["n_seeds"] == 64}
    sure, chosen = found["confirmatory"], found["exploratory"]
    low, high = (100 * sure[name] for name in ("lower_bound", "upper_bound"))
    assert f"by {100 * sure['deviation']:.1f} %, between {low:.1f} and {high:.1f} %: `{sure['verdict']}`" in words
    said = f"by {100 * chosen['deviation']:.1f} %, at most {100 * chosen['upper_bound']:.1f} %: `{chosen['verdict']}`"
    assert said in words


def test_the_table_of_the_study_is_from_its_page():
    """What the page says of each family under a decaying rate; of the sub-ladders, the one of the largest sizes."""
    page = [[cell.strip() for cell in line.split("|")[1:-1]] for line in STUDY.read_text().splitlines() if "|" in line]
    table = README.partition("<!-- study -->")[2].partition("\nGrowth:")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    growth = {row[0]: row[4] for row in page if row[1] == "ema-loss" and len(row) == 6}
    whole = {(row[0], row[1]): row[5] for row in page if len(row) == 8 and " x " in row[4]}
    parts = [row for row in page if len(row) == 8 and row[4].isdigit() and row[1] == "ema_loss"]
    largest = {(row[0], row[1]): row[5] for row in parts if row[4] == "3"}
    assert len(rows) == 5
    drifts: dict[str, list[float]] = {}
    for row in parts:
        drifts.setdefault(row[0], []).append(float(row[6].removesuffix(" %")))
    falls = {name for name, drift in drifts.items() if drift[-1] < drift[0]}
    assert falls == {"cnn on letters-in-noise", "vit on manifold-images"}  # as the text below says
    for row, (name, exponent) in zip(rows, growth.items(), strict=True):
        deviations = (whole[name, "loss"], whole[name, "ema_loss"], largest[name, "ema_loss"])
        assert row == " | ".join(["| " + " | ".join(name.split(" on ")), exponent, *deviations]) + " |"


@pytest.mark.slow
def test_the_base_install_analyses_and_plots_without_torch(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".venv", ".git", "runs", "__pycache__", "*.egg-info"))
    run(f"{sys.executable} -m venv {tmp_path / 'venv'}", tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(f"{python} -m pip install --quiet --constraint {ROOT / 'constraints.txt'} {source}", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = f"{python.parent / 'onecurve'} analyze {source / 'results' / 'reference' / 'quick.parquet'} --to figures"
    assert "control: holds" in run(command, elsewhere).stdout
    assert (elsewhere / "figures" / "summary.png").exists()
    packages = run(f"{python} -m pip list", tmp_path).stdout
    assert "onecurve" in packages and not re.search(r"^(torch|ray|timm) ", packages, flags=re.MULTILINE)


@pytest.mark.slow
def test_make_demo(tmp_path):
    """The demo's own commands, in a folder of its own, with the environment that runs this test."""
    wanted = run("make --no-print-directory --dry-run demo RUN=runs/demo", ROOT).stdout
    commands = [line.strip() for line in wanted.splitlines() if "onecurve" in line]
    assert len(commands) == 2
    for command in commands:
        run(command.replace(".venv/bin/", ""), tmp_path)
    of_loss, of_averaged = json.loads((tmp_path / "runs" / "demo" / "analysis.json").read_text())["by_observable"]
    groups = of_loss["groups"]
    verdicts = {group["control"]: group for group in groups if group["control"]}
    assert verdicts["holds"]["verdict"] in ("collapse", "approximate") and verdicts["holds"]["upper_bound"] < 0.03
    assert verdicts["fails"]["verdict"] == "no-collapse"
    (averaged,) = of_averaged["groups"]
    networks = [group for group in groups if not group["control"]] + [averaged]
    assert len(networks) >= 3 and {group["evidence"] for group in networks} == {"confirmatory"}
    assert averaged["rescaling"] == "end-point" and averaged["noise_bound"] < 0.03
    assert all(group["n_rungs"] >= 4 and group["n_censored"] == 0 for group in [*groups, averaged])
