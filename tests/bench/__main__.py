"""Measures handrail and its peers in one run: `scripts/bench [--json] [--short] [--only PARTS]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.figures import Results, machine
from bench.measures import MEASURES
from bench.project import Project
from bench.size import FULL, SHORT

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    """Measure, print, and write the page that the README quotes (not for a short or a partial run)."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--short", action="store_true", help="only show that each measurement works")
    parser.add_argument("--only", default="", metavar="PARTS", help="some of a b c r d e f (r: at rest)")
    words = parser.parse_args()
    results = Results(short=words.short, machine=machine())
    with tempfile.TemporaryDirectory(prefix="handrail-bench-", ignore_cleanup_errors=True) as folder:
        project = Project(Path(folder) / "project")
        try:
            for part, measure in MEASURES:
                if words.only and part not in words.only:
                    continue
                print(f"{part}: {measure.__doc__}", file=sys.stderr, flush=True)
                measure(project, results, SHORT if words.short else FULL)
        finally:
            project.close()
    if words.json:
        print(json.dumps(results.as_json(), indent=2))
    else:
        print(results.as_markdown())
    if not words.short and not words.only:
        (DOCS / "bench.md").write_text(results.as_markdown(), encoding="utf-8")
        (DOCS / "bench.json").write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
