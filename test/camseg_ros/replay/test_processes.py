"""Child processes: an early end is one clear error, and nothing outlives the block that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from camseg_ros.replay import processes
from camseg_ros.replay.processes import ChildError, Children

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); " + SLEEP
POLITE = """
import signal, sys, time
def end(*_):
    print('ended by itself', flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, end)
print('up', flush=True)
time.sleep(600)
"""


def wait_until_gone(pid):
    give_up = time.monotonic() + 20.0
    while is_running(pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not is_running(pid)


def python(code):
    return [sys.executable, "-c", code]


def is_running(pid):
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def children(tmp_path):
    with Children(dict(os.environ), tmp_path) as children:
        yield children


def wait_until_up(children, tmp_path, name):
    children.wait_until(lambda: "up" in (tmp_path / f"{name}.log").read_text(), "its first line", 20.0)


def test_a_child_that_dies_is_an_error_with_its_code_and_the_end_of_its_log(children):
    children.start("node", python("import sys; [print('line', n) for n in range(99)]; sys.exit('no such weights')"))
    with pytest.raises(ChildError, match=r"node ended with exit code 1; the end of .*node\.log:") as caught:
        children.wait_until(lambda: False, "anything", 20.0)
    assert str(caught.value).splitlines()[-1].strip() == "no such weights"
    assert "line 50" not in str(caught.value)


def test_what_does_not_come_about_is_an_error_that_says_what(children):
    children.start("node", python(SLEEP))
    with pytest.raises(ChildError, match=r"waited 0.3 s in vain for the model; running: node"):
        children.wait_until(lambda: False, "the model", 0.3)


def test_waiting_for_one_child_notices_the_death_of_another(children):
    children.start("node", python("raise SystemExit(3)"))
    player = children.start("player", python(SLEEP))
    with pytest.raises(ChildError, match="node ended with exit code 3"):
        children.wait_for(player)


def test_waiting_for_a_child_that_fails_raises_and_for_one_that_ends_well_returns(children):
    children.wait_for(children.start("player", python("pass")))
    with pytest.raises(ChildError, match="player ended with exit code 2"):
        children.wait_for(children.start("player", python("raise SystemExit(2)")))


def test_stopping_lets_a_child_end_by_itself(children, tmp_path):
    node = children.start("node", python(POLITE))
    wait_until_up(children, tmp_path, "node")
    node.stop()
    assert node.exit_code() == 0
    assert "ended by itself" in (tmp_path / "node.log").read_text()


def test_a_child_that_does_not_listen_is_ended_more_firmly(children, tmp_path, monkeypatch):
    monkeypatch.setitem(processes._GRACE_S, signal.SIGINT, 0.2)
    node = children.start("node", python(DEAF))
    wait_until_up(children, tmp_path, "node")
    node.stop()
    assert node.exit_code() == -signal.SIGTERM


def test_nothing_outlives_the_block_not_even_grandchildren(tmp_path):
    spawn = f"import subprocess, sys; p = subprocess.Popen({python(SLEEP)}); print(p.pid, flush=True); p.wait()"

    def interrupted_block():
        with Children(dict(os.environ), tmp_path) as children:
            children.start("node", python(spawn))
            wait_until_up(children, tmp_path, "node")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_block()
    lines = (tmp_path / "node.log").read_text().split()
    grandchild = int(next(word for word in lines if word.isdigit()))
    wait_until_gone(grandchild)


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path):
    parent = f"""
import os, time
from pathlib import Path
from camseg_ros.replay.processes import Children
with Children(dict(os.environ), Path({str(tmp_path)!r})) as children:
    print(children.start("node", {python(SLEEP)!r}).pid, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen(python(parent), stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        give_up = time.monotonic() + 20.0
        while "up" not in (tmp_path / "node.log").read_text() and time.monotonic() < give_up:
            time.sleep(0.05)
        assert is_running(child)
        process.kill()
    wait_until_gone(child)
