"""Every alert uses existing metrics and labels, fires when it should, and has a runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from telemetry.metrics.families import FAMILIES
from tests.plugins.optional_programs import FindProgram
from tests.sandbox_agencies import ROOT

RULES = ROOT / "deploy" / "prometheus" / "simpul.rules.yml"
RUNBOOKS = ROOT / "docs" / "operators" / "runbooks"
METRICS_OF_OTHERS = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "probe_ssl_earliest_cert_expiry",
}
"""Metrics of Prometheus, node_exporter and blackbox_exporter."""
_WORD = re.compile(r"\b(?:simpul|node|probe)_[a-z_]+\b|\bup\b")
_SERIES = ("_bucket", "_sum", "_count")


def read_rules() -> Sequence[Mapping[str, str]]:
    """Name, expression, severity and runbook of each alert, in the order of the file."""
    found = []
    for block in RULES.read_text(encoding="utf-8").split("      - alert: ")[1:]:
        name, _, rest = block.partition("\n")
        expression = rest.partition("expr:")[2].partition("labels:")[0]
        [severity] = re.findall(r"severity: (\w+)", rest)
        [page] = re.findall(r"runbook: (\S+)", rest)
        found.append({"name": name, "expression": expression, "severity": severity, "page": page})
    return found


def list_known_metrics() -> set[str]:
    """The metrics of the hub and of its backup."""
    page = (ROOT / "docs" / "operators" / "metrics.md").read_text(encoding="utf-8")
    left = (ROOT / "deploy" / "backup" / "base-backup").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(simpul_\w+)` \|", page, re.MULTILINE)) | set(re.findall(r"simpul_\w+_seconds", left))


ALERTS = read_rules()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_the_runbook_of_an_alert_has_its_severity_and_impact(alert: Mapping[str, str]) -> None:
    assert alert["page"] == f"docs/operators/runbooks/{alert['name']}.md"
    page = (ROOT / alert["page"]).read_text(encoding="utf-8")
    assert page.startswith(f"# {alert['name']}\n")
    assert "**Impact**: " in page
    assert "**Check**" in page
    assert ("**Page" in page, "**Ticket" in page) == (alert["severity"] == "page", alert["severity"] == "ticket")


def test_every_runbook_belongs_to_an_alert_and_is_in_the_index() -> None:
    names = [alert["name"] for alert in ALERTS]
    assert {each.stem for each in RUNBOOKS.glob("*.md")} - {"README"} == set(names)
    index = re.findall(
        r"^\| \[(\w+)\]\(\1\.md\) \| .* \| (yes)? ?\|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE
    )
    assert index == [(alert["name"], "yes" if alert["severity"] == "page" else "") for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_an_alert_uses_existing_metrics(alert: Mapping[str, str]) -> None:
    used = set(_WORD.findall(alert["expression"]))
    assert used
    known = list_known_metrics() | METRICS_OF_OTHERS
    assert {each for each in used if re.sub(rf"({'|'.join(_SERIES)})$", "", each) not in known} == set()


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_uses_existing_metrics(path: Path) -> None:
    used = set(re.findall(r"\bsimpul_[a-z_]+\b", path.read_text(encoding="utf-8")))
    known = list_known_metrics() | {"simpul_backup", "simpul_connections"}
    assert {each for each in used if re.sub(rf"({'|'.join(_SERIES)})$", "", each) not in known} == set()


@pytest.mark.parametrize(
    "path", [RULES, Path(__file__).with_name("alerts.yml"), *sorted(RUNBOOKS.glob("*.md"))], ids=lambda path: path.stem
)
def test_labels_of_the_hubs_metrics_exist(path: Path) -> None:
    known = {each.name: {*each.labels, "job", "instance", "le"} for each in FAMILIES}
    text = path.read_text(encoding="utf-8")
    for metric, selectors in re.findall(r"\b(simpul_\w+)\{([^}]*)\}", text):
        labels = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selectors))
        assert labels <= known[re.sub(rf"({'|'.join(_SERIES)})$", "", metric)], metric
    for labels, metric in re.findall(r"\bby \(([\w, ]+)\) \(\s*(?:\w+\()?(simpul_\w+)", text):
        assert set(labels.split(", ")) <= known[re.sub(rf"({'|'.join(_SERIES)})$", "", metric)], metric


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> str:
    return str(program("promtool"))


def test_prometheus_accepts_the_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)  # noqa: S603 - Prometheus' own
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_each_alert_fires_in_its_case_only(promtool: str, tmp_path: Path) -> None:
    cases = Path(__file__).with_name("alerts.yml")
    text = cases.read_text(encoding="utf-8")
    for alert in ALERTS:
        assert re.search(rf"alertname: {alert['name']}\n +exp_alerts:\n", text), f"{alert['name']} never fires"
        assert re.search(rf"alertname: {alert['name']}, exp_alerts: \[\]", text), f"{alert['name']} never is silent"
    shutil.copy(RULES, tmp_path)
    shutil.copy(cases, tmp_path)
    done = subprocess.run(  # noqa: S603 - Prometheus' own
        [promtool, "test", "rules", str(tmp_path / cases.name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
