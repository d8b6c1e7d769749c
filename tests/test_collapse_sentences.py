"""One room says what the others find: no prose where something is computed, and one template for each code."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
from onecurve.collapse.reasons import Refusal, because
from onecurve.collapse.sentences.reasons import SENTENCES, TABLES, say
from onecurve.results.quantity import LOSS, Quantity

ROOM = Path(__file__).resolve().parent.parent / "collapse"
#: What prints, draws or writes JSON: here reasons become English.
PRINTERS = ("sentences/", "drawing/", "figures.py", "contract.py", "inquiry_contract.py")
#: Rooms whose sentences still stand where they are computed.
NOT_YET = ("truths/", "claims/")
#: How a result shows itself: there it becomes English too.
SHOWN = ("__repr__", "_repr_html_")


def source_of(path: Path) -> ast.AST:
    """A file without the methods by which results show themselves."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [one for one in node.body if not (isinstance(one, ast.FunctionDef) and one.name in SHOWN)]
    return tree


SOURCES = {str(path.relative_to(ROOM)): source_of(path) for path in sorted(ROOM.rglob("*.py"))}
COMPUTING = [name for name in SOURCES if not name.startswith((*PRINTERS, *NOT_YET))]


#: What says a name, not a sentence: of a form, of a rescaling, of a control, of an estimate.
NAMED = ("name", "formula", "citation", "COMPARED")
LABELS = {
    *("other data sets", "other data sets, end slope matched", "form not identified", "own power law"),
    *(
        "sum of power laws",
        "mu nu/(theta mu + nu)",
        "end slope at constant rate",
        "end point with L0",
        "number of tokens",
    ),
    *("the parameter ", " of the form "),  # parts of an error of the user
}


def prose(tree: ast.AST) -> list[str]:
    """Strings of three words or more that are neither documentation nor the message of an error of the user."""
    spared = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spared.add(id(node.value))
        told = isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "InputError")
        spared |= {id(part) for part in ast.walk(node)} if told else set()
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id in NAMED:
            spared |= {id(part) for part in ast.walk(node)}
        if isinstance(node, ast.keyword) and node.arg in NAMED:
            spared |= {id(part) for part in ast.walk(node)}
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    strings = [one for one in strings if one.value not in LABELS]
    return [one.value for one in strings if id(one) not in spared and len(re.findall(r"[a-z]{2,} ", one.value)) >= 2]


def reasons_given(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Each code that a call of `because` may give, with the call."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "because"]
    return [
        (part.value, call)
        for call in calls
        for part in ast.walk(call.args[0])
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("name", COMPUTING)
def test_no_prose_where_something_is_computed(name):
    assert prose(SOURCES[name]) == []


def test_each_code_has_one_template_and_each_template_a_use():
    used = {code for tree in SOURCES.values() for code, _ in reasons_given(tree)}
    assert used == set(SENTENCES)
    assert sum(len(table.TEMPLATES) for table in TABLES) == len(SENTENCES)


def test_reasons_carry_the_values_that_their_templates_show():
    for name, tree in SOURCES.items():
        for code, call in reasons_given(tree):
            given = {keyword.arg for keyword in call.keywords}
            assert None in given or fields_of(SENTENCES[code]) == given - {"quantity"}, (name, code)


def test_nothing_that_computes_imports_sentences():
    for name in COMPUTING:
        for node in ast.walk(SOURCES[name]):
            reached = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
            # An error that is made from a reason says itself, once somebody reads it.
            assert "sentences" not in reached or name == "reasons.py", (name, reached)


def test_templates_are_clauses():
    for code, said in SENTENCES.items():
        assert said == said.strip() and not said.endswith(".") and "  " not in said, code


def test_a_reason_is_said_of_its_quantity_and_names_stay():
    error = Quantity("test_accuracy", "complement")
    why = because("floor-not-below", quantity=error, floor=0.2, size="loss 8", seed=1, x=0.5)
    assert say(why) == "the smallest reachable error 0.2 is not below the error of loss 8, seed 1, at x = 0.5"
    assert say(because("floor-unknown")) == "the irreducible loss is not known"
    assert say(because("floor-unknown"), error) == say(because("floor-unknown").of(error))
    assert say(because("floor-unknown", quantity=LOSS), error) == "the irreducible loss is not known"


def test_reasons_within_reasons_and_counts():
    missed = because("negative-missed", setting="times 1.4")
    assert say(because("unresolved", why=missed)).startswith("unresolved: the ladder trained wrongly on purpose (times")
    copies = [because("equals-another", seed=k, size="a", first_seed=0, first_size="a") for k in range(1, 6)]
    assert say(because("copied-runs", copies=tuple(copies))).endswith("seed 3 of a equals seed 0 of a; and 2 more")
    assert say(because("runs-left-out", runs=1)) == "1 run left out: the training length was not reached"
    assert "7 more seeds would certify 3 %" in say(because("underpowered", low=0.01, high=0.04, more=7, margin=0.03))


def test_a_refusal_says_itself():
    with pytest.raises(Refusal, match="no model size has two complete curves"):
        raise Refusal(because("no-size-with-two-curves"))


def test_what_readers_of_files_say_stays_and_unknown_codes_do_not():
    assert say("as it came") == "as it came"
    with pytest.raises(KeyError):
        say(because("no-such-code"))
