"""Every alert says what can be measured, fires when it should, and has a page that says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

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
    """Name, expression, severity and page of each alert, read line by line as they are written."""
    found = []
    for block in RULES.read_text(encoding="utf-8").split("      - alert: ")[1:]:
        name, _, rest = block.partition("\n")
        expression = rest.partition("expr:")[2].partition("labels:")[0]
        [severity] = re.findall(r"severity: (\w+)", rest)
        [page] = re.findall(r"runbook: (\S+)", rest)
        found.append({"name": name, "expression": expression, "severity": severity, "page": page})
    return found


def list_known_metrics() -> set[str]:
    """Every metric of the hub, and what its backup tells."""
    page = (ROOT / "docs" / "operators" / "metrics.md").read_text(encoding="utf-8")
    left = (ROOT / "deploy" / "backup" / "base-backup").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(simpul_\w+)` \|", page, re.MULTILINE)) | set(re.findall(r"simpul_\w+_seconds", left))


ALERTS = read_rules()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_an_alert_has_a_page_that_says_who_is_affected_and_whether_to_wake_somebody(alert: Mapping[str, str]) -> None:
    assert alert["page"] == f"docs/operators/runbooks/{alert['name']}.md"
    page = (ROOT / alert["page"]).read_text(encoding="utf-8")
    text = " ".join(page.split())
    assert page.startswith(f"# {alert['name']}\n")
    assert "**For people**: " in page
    assert "**Look**" in page
    assert ("**Wake somebody" in text) if alert["severity"] == "page" else ("can wait for the morning" in text)


def test_every_page_is_of_an_alert_and_the_index_has_them_all() -> None:
    names = [alert["name"] for alert in ALERTS]
    assert {each.stem for each in RUNBOOKS.glob("*.md")} - {"README"} == set(names)
    index = re.findall(
        r"^\| \[(\w+)\]\(\1\.md\) \| .* \| (yes)? ?\|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE
    )
    assert index == [(alert["name"], "yes" if alert["severity"] == "page" else "") for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_what_an_alert_looks_at_is_measured(alert: Mapping[str, str]) -> None:
    used = set(_WORD.findall(alert["expression"]))
    assert used
    known = list_known_metrics() | METRICS_OF_OTHERS
    assert {each for each in used if re.sub(rf"({'|'.join(_SERIES)})$", "", each) not in known} == set()


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_looks_at_is_measured(path: Path) -> None:
    used = set(re.findall(r"\bsimpul_[a-z_]+\b", path.read_text(encoding="utf-8")))
    known = list_known_metrics() | {"simpul_backup", "simpul_connections"}
    assert {each for each in used if re.sub(rf"({'|'.join(_SERIES)})$", "", each) not in known} == set()


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> str:
    return str(program("promtool"))


def test_prometheus_takes_the_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)  # noqa: S603 - Prometheus' own
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_each_alert_fires_when_it_should_and_not_when_all_is_well(promtool: str, tmp_path: Path) -> None:
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
