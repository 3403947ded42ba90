#!/usr/bin/python3
"""Prints "PASSED FAILED" for a meson testlog.json; a log that is not there is one failure."""
import json
import sys


def main() -> None:
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            results = [json.loads(line)["result"] for line in log]
    except FileNotFoundError:
        results = []
    if not results:
        print(0, 1)
        return
    skipped = sum(result == "SKIP" for result in results)
    passed = sum(result in ("OK", "EXPECTEDFAIL") for result in results)
    print(passed, len(results) - passed - skipped)


if __name__ == "__main__":
    main()
