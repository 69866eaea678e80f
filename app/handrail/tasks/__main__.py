"""`python -m handrail.tasks`: what the shim starts in an attempt."""

import sys

from handrail.tasks.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
