"""Campaigns can be resumed: `pytest -m campaign --resume` skips what passed before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

_PASSED = "placewright/campaign"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--resume", action="store_true", help="skip campaign tests that passed since the last full start")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Ledger(config), "campaign-ledger")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--resume"):
        passed = _passed_before(config)
        for item in items:
            if item.nodeid in passed:
                item.add_marker(pytest.mark.skip(reason="passed in an earlier run of this campaign"))


def _passed_before(config: pytest.Config) -> set[str]:
    cache = getattr(config, "cache", None)
    return set() if cache is None else set(cache.get(_PASSED, []))


class _Ledger:
    """Notes every campaign test that passes, at once, so that a cut-off run loses little."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.passed = _passed_before(config) if config.getoption("--resume") else set[str]()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Iterator[None]:
        yield
        cache = getattr(self.config, "cache", None)  # absent under -p no:cacheprovider
        if report.when == "call" and report.passed and "campaign" in report.keywords and cache is not None:
            self.passed.add(report.nodeid)
            cache.set(_PASSED, sorted(self.passed))
