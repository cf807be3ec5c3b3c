"""A signal ends the command with one line and exit code 130, whatever Python is doing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ingot.errors import BUG

_RUN = """
import os, signal, sys, time
import ingot.cli.main
from ingot import __main__ as command
{body}
ingot.cli.main.run_command_line = run_command_line
command.main()
"""

_PLAIN = """
def run_command_line():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
"""

_IN_A_DESTRUCTOR = """
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)

def run_command_line():
    Dropped()
    time.sleep(10)
    return 0
"""

_MADE_ANOTHER_ERROR = """
def run_command_line():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except BaseException as error:
        raise ValueError("cannot be built") from error
"""

_SIGNALS_WHILE_CLEANING_UP = """
def run_command_line():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    finally:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        print("cleaned up", flush=True)
"""


_SIGNALS_AFTER_THE_END = """
import atexit

def signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        os.kill(os.getpid(), number)
        time.sleep(0.01)

atexit.register(signals)

def run_command_line():
    if {interrupted}:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    return 7
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    """A command line of this body, run to its end."""
    command = [sys.executable, "-c", _RUN.format(body=body)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("body", [_PLAIN, _IN_A_DESTRUCTOR, _MADE_ANOTHER_ERROR])
def test_an_interruption_is_one_line_and_its_exit_code(body: str) -> None:
    result = run(body)
    assert result.returncode == 130
    assert result.stderr == "interrupted; run the same command again to go on\n"


def test_further_signals_do_not_disturb_what_cleans_up() -> None:
    result = run(_SIGNALS_WHILE_CLEANING_UP)
    assert result.returncode == 130
    assert result.stdout == "cleaned up\n"
    assert result.stderr == "interrupted; run the same command again to go on\n"


@pytest.mark.parametrize(("interrupted", "code"), [(True, 130), (False, 7)])
def test_signals_while_python_ends_do_not_change_the_exit_code(
    interrupted: bool, code: int
) -> None:
    result = run(_SIGNALS_AFTER_THE_END.format(interrupted=interrupted))
    assert result.returncode == code
    assert result.stderr.count("\n") == interrupted


def test_an_error_of_ours_keeps_its_traceback() -> None:
    result = run("def run_command_line():\n    raise ValueError('a bug')\n")
    assert result.returncode == BUG
    assert "ValueError: a bug" in result.stderr
