"""What all tests share: a bounded, reproducible search, and the command line in this process."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from neutrams import cli

settings.register_profile(
    "neutrams", deadline=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck)
)
settings.load_profile("neutrams")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line: (exit status, standard output, standard error)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call
