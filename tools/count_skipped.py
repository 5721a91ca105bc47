"""Says how many tests of a ctest run were skipped: count_skipped.py build/release (LastTest.log, Testing/junit.xml)."""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)$")
CTEST_SECTION = re.compile(r"^\s*\d+/\d+ Testing: (\S+)$")
WANT_OF_DATA = "needs real data"


def skipped_cases(log_text):
    """GoogleTest cases that were skipped, by name, each with whether data were wanting; several ranks count once."""
    skipped, program, reason = {}, "", ""
    for line in log_text.splitlines():
        section, case = CTEST_SECTION.match(line), GTEST_SKIPPED.match(line)
        if section:
            program, reason = section.group(1), ""
        elif case:
            name = f"{program}: {case.group(1)}"
            skipped[name] = skipped.get(name, False) or WANT_OF_DATA in reason
            reason = ""
        elif line.startswith("[ RUN "):
            reason = ""
        else:
            reason += line
    return skipped


def skipped_scripts(junit_text):
    """Whole tests that were skipped (a script that ended with status 77)."""
    skipped = {}
    for case in ElementTree.fromstring(junit_text).iter("testcase"):
        if case.find("skipped") is not None:
            skipped[case.get("name")] = WANT_OF_DATA in (case.findtext("system-out") or "")
    return skipped


def main(build_folder):
    folder = Path(build_folder) / "Testing"
    log, junit = folder / "Temporary" / "LastTest.log", folder / "junit.xml"
    for file in (log, junit):
        if not file.exists():
            sys.exit(f"error: {file} does not exist; tools/test makes it")
    skipped = skipped_cases(log.read_text(errors="replace")) | skipped_scripts(junit.read_text(errors="replace"))
    without_data = sum(skipped.values())
    print(f"{without_data} tests were skipped for want of data, {len(skipped) - without_data} for other reasons")
    for name, data in skipped.items():
        print(f"    {name}" + (" (needs real data)" if data else ""))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "build/release")
