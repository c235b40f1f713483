"""The last line of a test run, in plain words, for people and for scripts: `N passed, N failed, N skipped`."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the counts. An error in a fixture counts as failed; an expected failure counts as passed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:  # a worker process has no reporter
        return

    def count(*outcomes: str) -> int:
        return sum(len(reporter.getreports(outcome)) for outcome in outcomes)

    passed, failed = count("passed", "xfailed"), count("failed", "error")
    print(f"{passed} passed, {failed} failed, {count('skipped')} skipped")
