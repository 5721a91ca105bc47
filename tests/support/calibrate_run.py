"""What calibrations leave of each place, and how they refuse, for the regression tests."""
import glob
import json
import os

import twin_run as twin


def places(folder, settings=False):
    """File name -> result of a place, with or without the settings that it was found with."""
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "places", "*.json"))):
        with open(path) as file:
            result = json.load(file)
        if not settings:
            del result["settings"]
        found[os.path.basename(path)] = result
    return found


def check_refused(config, search, cases):
    """cases: (settings, words of the one line of error on 2 ranks)"""
    for settings, words in cases:
        done = twin.run(2, "calibrate", config, *search, *settings)
        lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert done.returncode == 1 and len(lines) == 1, (settings, done.stdout + done.stderr)
        assert all(word in lines[0] for word in words), (settings, lines)
