"""How a command of the replay ends."""

import signal

import pytest

from camseg_core.errors import ConfigurationError
from camseg_ros.replay.command import run_command


@pytest.fixture(autouse=True)
def _own_signals():
    """The command takes over signals of the process, which is the tests' own here."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("rate is 0; expected above 0"), "camseg_x: rate is 0; expected above 0"),
        (PermissionError(13, "Permission denied", "/out"), "camseg_x: [Errno 13] Permission denied: '/out'"),
        (KeyboardInterrupt(), 128 + signal.SIGINT),
    ],
)
def test_what_is_in_the_way_is_one_line_and_ctrl_c_is_not(monkeypatch, error, code):
    def command() -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["camseg_x"])
    with pytest.raises(SystemExit) as ended:
        run_command("camseg_x", command)
    # A word as the exit code is printed, and the process ends with 1.
    assert ended.value.code == code
