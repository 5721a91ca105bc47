"""Says how many tests of a ctest run were skipped, from the run's log: count_skipped.py build/release."""
import re
import sys
from pathlib import Path

GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)$")
CTEST_SECTION = re.compile(r"^\d+/\d+ Testing: (\S+)$")
WANT_OF_DATA = "needs real data"


def skipped_tests(log_text):
    """Names of skipped GoogleTest cases and whole ctest tests, each with whether data were wanting."""
    skipped, test, reason = {}, "", ""
    for line in log_text.splitlines():
        section, case = CTEST_SECTION.match(line), GTEST_SKIPPED.match(line)
        if section:
            test, reason = section.group(1), ""
        elif case:
            name = f"{test}:{case.group(1)}"
            skipped[name] = skipped.get(name, False) or WANT_OF_DATA in reason
            reason = ""
        elif line.startswith("[ RUN "):
            reason = ""
        elif line.startswith("Test Skipped."):
            skipped[test] = WANT_OF_DATA in reason
        else:
            reason += line
    return skipped


def main(build_folder):
    log = Path(build_folder) / "Testing" / "Temporary" / "LastTest.log"
    if not log.exists():
        sys.exit(f"error: {log} does not exist; run ctest in {build_folder} first")
    skipped = skipped_tests(log.read_text(errors="replace"))
    without_data = sum(skipped.values())
    print(f"{without_data} tests were skipped for want of data, {len(skipped) - without_data} for other reasons")
    for name, data in skipped.items():
        print(f"    {name}" + (" (needs real data)" if data else ""))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "build/release")
