"""The alerts that come with the service can be read, and ask for figures that there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from invigilation.presence import Link
from tests.harness.service import ROOT
from web import watchers
from web.access.refusals import Refusals
from web.alerts import Alerts
from web.health.limits import DroppedDatagrams, RateRefusals
from web.watchers import PREFIX, Metrics

RULES = ROOT / "docs" / "alerts.rules.yml"
BOOK = ROOT / "docs" / "operating.md"
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
FUNCTIONS = {"absent", "sum", "rate", "increase", "histogram_quantile", "predict_linear"}
WORDS = {"by", "on", "and", "or", "unless", "le", "instance"}
TOKEN = re.compile(
    r"""\s*(?: (?P<name>[a-zA-Z_:][\w:]*) | (?P<number>\d+(?:\.\d+)?(?:e\d+)?)
        | (?P<range>\[\d+[smhd]\]) | (?P<text>"[^"]*")
        | (?P<sign>=~|!=|==|<=|>=|[=<>+*/(){},-]) )""",
    re.VERBOSE,
)


VALUES = {
    "result": {*watchers.RESULTS, "failed"},
    "kind": {*watchers.KINDS},
    "queue": {*watchers.QUEUES},
    "of": {watchers.WORST, watchers.MEAN},
    "state": {one.value for one in Link},
    "party": {*watchers.PARTIES},
    "job": set(re.findall(r'[jJ]ob\("(\w+)"', (ROOT / "web" / "app.py").read_text())),
}
"""What a label may be."""


def registry() -> CollectorRegistry:
    """Every figure of the service."""
    metrics = Metrics()
    Alerts(None, metrics.registry)
    Refusals(metrics.registry)
    metrics.registry.register(RateRefusals({"sign_in": 1}))
    metrics.registry.register(DroppedDatagrams({"media": 1}))
    return metrics.registry


def figures() -> dict[str, set[str]]:
    """The names that can be asked for, and the labels of each."""
    found: dict[str, set[str]] = {}
    for collector in registry()._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ("rate",)))
        for family in collector.collect():
            own = {"le"} if family.type == "histogram" else set()
            for ending in ENDINGS[family.type]:
                found[family.name + ending] = labels | own
    return {name: labels for name, labels in found.items() if name.startswith(PREFIX)}


def rules() -> list[Any]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    every = (rule for group in groups for rule in group["rules"])
    return [pytest.param(rule, id=rule["alert"]) for rule in every]


def tokens(expression: str) -> list[tuple[str, str]]:
    """Take an expression to pieces; raises ValueError where it cannot be read."""
    found, place = [], 0
    text = expression.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(text[place:])
        found.append((str(match.lastgroup), match[0].strip()))
        place = match.end()
    return found


@pytest.mark.parametrize("rule", rules())
def test_an_alert_asks_for_figures_that_there_are(rule: dict[str, Any]) -> None:
    known = figures()
    pieces = tokens(rule["expr"])
    opened: list[str] = []
    asked: list[str] = []
    for place, (kind, piece) in enumerate(pieces):
        following = pieces[place + 1][1] if place + 1 < len(pieces) else ""
        if piece in "({" and kind == "sign":
            opened.append({"(": ")", "{": "}"}[piece])
        elif piece in ")}" and kind == "sign":
            assert opened.pop() == piece
        elif kind == "name" and opened[-1:] == ["}"]:
            assert piece in known[asked[-1]], piece
            _, value = pieces[place + 2]
            assert set(value.strip('"').split("|")) <= VALUES[piece], value
        elif kind == "name" and piece.startswith(PREFIX):
            assert piece in known, piece
            asked.append(piece)
        elif kind == "name":
            labels = {label for names in known.values() for label in names}
            assert piece in FUNCTIONS | WORDS | labels, piece
            assert piece not in FUNCTIONS or following in {"(", "by"}
    assert opened == []
    assert asked


@pytest.mark.parametrize("rule", rules())
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "look"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    assert set(rule["annotations"]) == {"summary", "action"}
    for label in re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())):
        assert re.search(rf"by \([^)]*\b{label}\b", rule["expr"]) or any(
            label in labels for name, labels in figures().items() if name in rule["expr"]
        )


@pytest.mark.parametrize("wrong", ["sum(", "a ~ b", "rate(x[5x])"])
def test_the_reader_of_these_tests_refuses_what_prometheus_would(wrong: str) -> None:
    rule = {"expr": wrong}

    with pytest.raises((ValueError, AssertionError)):
        test_an_alert_asks_for_figures_that_there_are(rule)


def test_no_alert_is_there_twice() -> None:
    names = [rule.values[0]["alert"] for rule in rules()]

    assert len(set(names)) == len(names)


def test_every_figure_is_explained_and_nothing_else() -> None:
    known = {re.sub(r"_(bucket|count|sum)$", "", name) for name in figures()}
    explained = set(re.findall(rf"`({PREFIX}\w+)`", BOOK.read_text()))

    assert explained == known
