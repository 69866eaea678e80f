"""`python -m handrail.tasks`: what the shim starts in an attempt."""

import sys

from handrail.tasks.light_invoke import import_invoke

import_invoke()

from handrail.tasks.program import main  # noqa: E402  (it imports invoke)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
