# The verb verify: every stored reference file agrees on 1, 2 and 4 ranks with the same deviations; a wrong value is found and named; a
# broken file is told in one line that names file and field, on 2 ranks.
# timeout: 300
import glob
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

FOLDER = os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "data", "oracles")


def put(section, field, value, *place):
    def breaking(case):
        where = case[section]
        keys = [field, *place]
        for key in keys[:-1]:
            where = where[key]
        where[keys[-1]] = value
    return breaking


def drop(section, field):
    def breaking(case):
        del case[section][field]
    return breaking


def no_steps(case):
    case["inputs"]["lateral_inflow_m3s"] = []
    case["expected"].update(discharge_m3s=[], storage_m3=case["expected"]["storage_m3"][:1], dJ_dlateral_at_step={})


def cycle(case):
    down = case["inputs"]["downstream"]
    down[next(i for i, d in enumerate(down) if d < 0)] = 0


# name, what is broken, words of the message
CASES = (
    ("field", drop("inputs", "slope"), ["inputs.slope is missing"]),
    ("storage", drop("expected", "storage_m3"), ["expected.storage_m3 is missing"]),
    ("lateral gradient", drop("expected", "dJ_dlateral_at_step"), ["expected.dJ_dlateral_at_step is missing"]),
    ("length of array", lambda c: c["inputs"]["n"].pop(), ["inputs.n has 4 values, 5 are needed"]),
    ("length of row", lambda c: c["inputs"]["lateral_inflow_m3s"][2].pop(), ["lateral_inflow_m3s has 4 values"]),
    ("rows", lambda c: c["inputs"]["lateral_inflow_m3s"].pop(), ["discharge_m3s has 72 rows, 71 are needed"]),
    ("no steps", no_steps, ["lateral_inflow_m3s has no steps"]),
    ("type", put("inputs", "n", "rough", 2), ["inputs.n has the wrong type"]),
    ("scheme", put("scheme", "name", "conservativ"), ["scheme.name", "conservativ", "allowed: conservative, published"]),
    ("runoff", lambda c: c.update(variant="1.1p"), ["inputs.precipitation_mm_day is missing"]),
    ("cycle", cycle, ["inputs.downstream", "cycle"]),
    ("downstream beyond", put("inputs", "downstream", 7, 1), ["inputs.downstream", "reach 1", "7", "0..4"]),
    ("downstream of 2^32", put("inputs", "downstream", 2 ** 32 + 4, 1), ["inputs.downstream", "4294967300"]),
    ("downstream a fraction", put("inputs", "downstream", 2.5, 1), ["inputs.downstream", "2.5", "whole"]),
    ("outlet a fraction", put("expected", "outlet", 1.5), ["expected.outlet is 1.5"]),
    ("length", put("inputs", "length_m", 0, 3), ["inputs.length_m of reach 3 is 0"]),
    ("slope", put("inputs", "slope", -0.1, 3), ["inputs.slope of reach 3 is -0.1"]),
    ("n", put("inputs", "n", -0.1, 3), ["inputs.n of reach 3 is -0.1"]),
    ("dt", put("inputs", "dt_s", 0), ["inputs.dt_s is 0"]),
    ("inflow", put("inputs", "lateral_inflow_m3s", -1, 3, 2), ["lateral_inflow_m3s of reach 2 is -1"]),
    ("step", put("expected", "dJ_dlateral_at_step", [0] * 5, "first"), ["dJ_dlateral_at_step", "first", "0..71"]),
    ("wrong J", put("expected", "J", 335.4555), ["1 of 18", "J in double precision"]),
    ("wrong gradient", put("expected", "dJ_dq", 0.15015, 0), ["1 of 18", "dJ/dq in double precision"]),
)

RUNOFF_CASES = (
    ("variant", lambda c: c.update(variant="1.1"), ["field variant", "1.1p, 2.0"]),
    ("precipitation", put("inputs", "precipitation_mm_day", -2, 5), ["precipitation_mm_day of day 5 is -2"]),
    ("length of series", lambda c: c["inputs"]["pet_mm_day"].pop(), ["inputs.pet_mm_day has 119 values, 120 are needed"]),
    ("position", put("inputs", "normalised_parameters", 1.5, "FC"), ["normalised_parameters.FC is 1.5", "0 to 1"]),
    ("area", drop("inputs", "area_km2"), ["inputs.area_km2 is missing"]),
    ("no gradient", lambda c: c["expected"]["dJ_dnormalised_parameter"].pop("AC"), ["dJ_dnormalised_parameter.AC is missing"]),
    ("wrong state", put("expected", "states_SP_MW_SM_SUZ_SLZ_mm", 30, 9, 2), ["states in double precision"]),
)


def problems(name, path, words):
    done = twin.run(2, "verify", path, timeout=60)
    lines = [l for l in done.stderr.splitlines() if l.startswith("error:")]
    if done.returncode != 1 or len(lines) != 1 or any(w not in lines[0] for w in words + [path]):
        return [f"{name}: exit status {done.returncode}, {lines}, expected {words} and the path"]
    return []


def main():
    files = sorted(glob.glob(os.path.join(FOLDER, "*.json")))
    whole = [twin.run(ranks, "verify", *files) for ranks in (1, 2, 4)]
    found = [done.stdout + done.stderr for done in whole if done.returncode != 0]
    if any(done.stdout != whole[0].stdout for done in whole):
        found.append("deviations depend on the number of ranks")
    with open(os.path.join(FOLDER, "routing_5_reaches_conservative.json")) as file:
        text = file.read()
    with open(os.path.join(FOLDER, "hbv_2.0_a.json")) as file:
        runoff_text = file.read()
    broken = [(*case, text) for case in CASES] + [(*case, runoff_text) for case in RUNOFF_CASES]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.json")
        for name, breaking, words, whole_text in broken:
            case = json.loads(whole_text)
            breaking(case)
            with open(path, "w") as file:
                json.dump(case, file)
            found += problems(name, path, words)
        with open(path, "w") as file:
            file.write(text[:5000])
        found += problems("truncated", path, ["is not JSON"])
        found += problems("missing file", os.path.join(folder, "none.json"), ["cannot be read"])
        found += problems("folder", folder, ["cannot be read"])
    print("\n".join(found + [f"{len(files)} files, {len(broken) + 3} kinds of broken ones, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
