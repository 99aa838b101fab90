#!/usr/bin/env python3
"""Run the checks of a folder, the unittest cases in its *_check.py, and append 'PASSED FAILED' to a results file."""

import sys
import unittest
from pathlib import Path


def failed_names(result):
    """A check fails once, however many of its subtests fail."""
    tests = [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses
    return {getattr(test, "test_case", test).id() for test in tests}


def main():
    folder, results = Path(sys.argv[1]), sys.argv[2]
    suite = unittest.defaultTestLoader.discover(str(folder), pattern="*_check.py")
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(failed_names(result))
    skipped = len(result.skipped)
    passed = result.testsRun - failed - skipped
    print(f"-- {folder.name}: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    with open(results, "a", encoding="utf-8") as file:
        file.write(f"{passed} {failed}\n")


if __name__ == "__main__":
    main()
