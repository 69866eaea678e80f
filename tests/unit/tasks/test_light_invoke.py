"""An attempt begins without what invoke imports for tests alone, and nobody misses it."""

from __future__ import annotations

import subprocess
import sys


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_attempts_process_does_not_load_it() -> None:
    assert said("import sys, handrail.tasks.__main__; print('unittest' in sys.modules)") == "False"


def test_a_tasks_file_that_imports_it_gets_the_real_one() -> None:
    code = "import handrail.tasks.__main__; from unittest.mock import Mock; print(Mock(return_value=3)())"
    assert said(code) == "3"


def test_invokes_own_mock_context_still_works() -> None:
    code = (
        "import handrail.tasks.__main__; from invoke import MockContext, Result;"
        "context = MockContext(run=Result('done')); print(context.run('x').stdout, context.run.call_count)"
    )
    assert said(code) == "done 1"
