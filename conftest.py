"""The last line of a test run, in plain words, for people and for scripts: `N passed, N failed, N skipped`; and how
property tests find their examples.
"""

import pytest
from hypothesis import HealthCheck, settings

# A test says the same about the same code every time, however busy the machine is: a failure is news of the code. Who
# looks for examples that nobody has seen yet asks for the other profile: `--hypothesis-profile=searching`.
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
settings.register_profile("steady", settings.get_profile("searching"), derandomize=True)
settings.load_profile("steady")


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
