"""The pages for readers: what they link and name exists, the certificate's figures are the certificate's, and the words
are the field's."""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path

import onecurve
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("architectures", "benchmark", "collapse", "datasets", "results", "scripts/cluster")
PAGES = ["README.md", "CONTRIBUTING.md", *(f"{folder}/README.md" for folder in FOLDERS)]
PAGES += sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))
FILE = re.compile(r"[\w./<>*-]*\w\.(?:py|md|yaml|sbatch)\b")
#: Files that a reader has or gets; they need not be in a clone.
THEIRS = re.compile(r"(^|/)my(_\w+)?\.|onecurve\.yaml")
OLD_WORDS = re.compile(
    r"\b(rungs?|floors?|excess|legs?|horizons?|perceptrons?|processors?|by heart|dear|dealt)\b", re.I
)


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def prose_of(page: str) -> str:
    """Without code blocks, code, links' targets and the table that says what words stand for."""
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", text))
    return re.sub(r"noise\s+floor", "", text, flags=re.IGNORECASE)


@functools.cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL))
    lost = []
    for target in (one for one in targets if "://" not in one):
        name, _, anchor = target.partition("#")
        place = (ROOT / page).parent / name if name else ROOT / page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            lost.append(target)
    assert not lost


def is_there(name: str, folder: Path) -> bool:
    """Whether files of a name or pattern exist, from the root or the page's folder; a bare name may lie below that."""
    pattern = re.sub(r"<\w+>", "*", name)
    if any(True for place in (ROOT, folder) for _ in place.glob(pattern)):
        return True
    return "/" not in name and any(True for _ in folder.rglob(name))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    names = {name for code in re.findall(r"`([^`\n]+)`", text_of(page)) for name in FILE.findall(code)}
    lost = {name for name in names if not THEIRS.search(name) and not is_there(name, (ROOT / page).parent)}
    assert not lost


@pytest.mark.parametrize("page", PAGES)
def test_every_folder_and_module_that_is_named_exists(page):
    text = text_of(page)
    folders = {name for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+)/?`", text) if name.split("/")[0] in FOLDERS}
    assert {name for name in folders if not (ROOT / name).exists()} == set()
    modules = set(re.findall(r"\bonecurve((?:\.[a-z_]+)+)", re.sub(r"onecurve\.(?:yaml|git)", "", text)))
    public = set(onecurve.__all__)
    places = [ROOT / name[1:].replace(".", "/") for name in modules if name[1:] not in public]
    assert [place for place in places if not (place.is_dir() or place.with_suffix(".py").is_file())] == []


@pytest.mark.parametrize("house", ["collapse", "scripts"])
def test_the_table_of_rooms_has_every_room(house):
    rows = table_of(text_of("CONTRIBUTING.md"), f"| room of `{house}/` ")[1]
    rooms = {one.name for one in (ROOT / house).iterdir() if one.is_dir() and not one.name.startswith(("_", "."))}
    assert {row[0].strip("`/") for row in rows} == rooms


def is_row(line: str) -> bool:
    """Whether a line is of a table."""
    return line.startswith("|")


def table_of(text: str, head: str) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the first table after a heading."""
    lines = text[text.index(head) :].split("\n## ")[0].splitlines()
    lines = [*itertools.takewhile(is_row, itertools.dropwhile(lambda line: not is_row(line), lines))]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], rows[2:]


def figure(cell: str) -> float | None:
    """The number that a cell begins with, None where it is empty."""
    return float(cell.split()[0]) if cell else None


def test_the_figures_of_the_method_are_those_of_the_certificate():
    """Rows by their order: the two pages name them in other words."""
    certificate = text_of("results/reference/calibration.md")
    heads, rows = table_of(text_of("docs/method.md"), "## Measured size and power")
    floors = {row[0]: row for row in table_of(certificate, "## The floor")[1]}
    power, coverage = (table_of(certificate, head)[1] for head in ("## Size and power", "## Coverage of T5"))
    assert heads[1:] == [
        *("T1", "T1d", "T2", "T2 with ends", "T3", "T4, end points", "T4, known L0"),
        *("U95 < 3 %", "L95 >= 3 %", "U95 covers", "band covers", "true deviation"),
    ]
    for mine, tests, bounds in zip(rows, power, coverage, strict=True):
        floor = floors.get(tests[0], [""] * 9)
        theirs = [tests[3], tests[4], tests[5], floor[6], tests[6], floor[3], floor[5], tests[7], tests[8]]
        theirs += [bounds[2], bounds[3], bounds[1]]
        assert [figure(cell) for cell in mine[1:]] == [figure(cell) for cell in theirs], mine[0]


def test_the_first_screen_says_what_is_tested_and_whose_claim_it_is():
    screen = text_of("README.md").split("\n## ")[0]
    for words in ("scaling collapse", "Qiu et al.", "2507.02119", "normalised curve", "irreducible loss", "plot"):
        assert words in screen
    for verdict in ("collapse", "approximate", "no-collapse", "cannot-tell"):
        assert f"`{verdict}`" in screen
    assert len(screen.split()) < 500


@pytest.mark.parametrize("page", PAGES)
def test_the_words_are_those_of_the_field(page):
    found = {match[0].lower() for match in OLD_WORDS.finditer(prose_of(page))}
    assert found <= ({"rung"} if page in ("README.md", "architectures/README.md") else set())
