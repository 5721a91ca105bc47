# The units and ranges of places stand in three places: the program (src/data/place_units.cpp, forcing.cpp), the
# importers (tools/domain_places.py) and docs/file_formats.md. They agree, spelling by spelling.
# one process
import os
import re
import sys

ROOT = os.environ["DPL_SOURCE_DIR"]
sys.path.insert(0, os.path.join(ROOT, "tools"))
import domain_places

# table of the program -> quantity of the importers, row of the document
TABLES = {
    "kWater": ("water", "precipitation, evapotranspiration, runoff"), "kTemperature": ("temperature", "temperature"),
    "kRadiation": ("radiation", "radiation"), "kPressure": ("pressure", "pressure"),
    "kDuration": ("duration", "day length"), "kArea": ("area", "area"), "kElevation": ("elevation", "elevation"),
    "kDegrees": ("degrees", "latitude, longitude"), "kFlow": (None, "flow of a place"),
    "kSoilMoisture": ("soil_moisture", "soil moisture"), "kDepth": ("depth", "snow water")
}
QUANTITIES = {
    "water_mm_day": "water", "temperature_degc": "temperature", "radiation_wm2": "radiation", "pressure_pa": "pressure",
    "duration_s": "duration", "flow": "water", "soil_moisture": "soil_moisture", "depth_mm": "depth"
}
# Only the importers: units of field books and of the United States.
IMPORTERS_ONLY = {"in", "inches", "acres", "degrees North", "degrees East"}


def text(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def number(written):
    return eval(written, {"__builtins__": {}, "kAny": float("inf")})  # 1e6 / 86400 and the like, from our own source


def of_program(source):
    """{table: {spelling: (factor, offset)}}"""
    tables = {}
    for name, body in re.findall(r"constexpr Unit (\w+)\[\] = \{(.*?)\};", source, re.S):
        units = tables.setdefault(name, {})
        for spellings, conversion in re.findall(r'\{"([^"]+)", \{([^{}]*)\}\}', body):
            numbers = [number(n) for n in conversion.replace(", true", "").split(",") if n.strip()]
            for spelling in spellings.split("|"):
                assert spelling not in units, (name, spelling)
                units[spelling] = tuple(numbers + [1, 0][len(numbers):])
    return tables


def of_document(page):
    """{row: {spelling: (factor, offset)}} of the table of units, "as above" left out."""
    rows = {}
    table = page.split("| quantity | taken as it is | converted |")[1].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        name, same, converted = (cell.strip() for cell in line.strip("|").split("|"))
        units = rows.setdefault(name, {})
        for spelling in re.split(r"[,;] ", re.sub(r" \([a-z].*?\)", "", same)):
            units[spelling] = (1, 0)
        for spellings, rule in re.findall(r"([^();]+?) \((\(F - 32\) / 1\.8|[^()]+)\)(?:; |$)", converted.split(", with area_km2")[0]):
            conversion = {"(F - 32) / 1.8": (1 / 1.8, -32 / 1.8), "-273.15": (1, -273.15)}.get(rule) or (number(rule), 0)
            for spelling in spellings.split(", "):
                units[spelling] = conversion
    return rows


def close(a, b):
    return all(abs(x - y) <= 1e-12 * max(abs(x), abs(y)) for x, y in zip(a, b))


def check_units(program, page):
    document = of_document(page)
    assert set(program) == set(TABLES), set(program) ^ set(TABLES)
    assert set(document) == {row for _, row in TABLES.values()}, sorted(document)
    for table, (quantity, row) in TABLES.items():
        assert set(document[row]) == set(program[table]), (row, sorted(set(document[row]) ^ set(program[table])))
        for spelling, conversion in program[table].items():
            assert close(conversion, document[row][spelling]), (row, spelling, conversion, document[row][spelling])
        if quantity:
            importers = domain_places.UNITS[quantity]
            missing = set(program[table]) ^ set(importers) - IMPORTERS_ONLY
            assert not missing, (quantity, sorted(missing))
            for spelling, conversion in program[table].items():
                assert close(conversion, importers[spelling]), (quantity, spelling)
    flow = program["kFlow"]
    for spelling, conversion in domain_places.UNITS["discharge"].items():
        assert close(conversion, flow[spelling]), spelling
    return sum(map(len, program.values()))


def check_ranges(source, page):
    found = 0
    for table, importers in (("kForcing", domain_places.FORCING), ("kObserved", domain_places.OBSERVED)):
        body = re.search(rf"constexpr PlaceVariable {table}\[\] = \{{(.*?)\}};", source, re.S).group(1)
        rows = re.findall(r'\{"(\w+)", PlaceQuantity::(\w+), ([^,]+), ([^}]+)\}', body)
        assert {name for name, *_ in rows} == set(importers), (table, rows)
        for name, quantity, low, high in rows:
            assert importers[name] == (QUANTITIES[quantity], number(low), number(high)), (name, importers[name])
            cells = next(c for c in (line.strip("|").split("|") for line in page.splitlines())
                         if len(c) == 4 and name in re.split(r"[^\w]+", c[0]))
            for limit in {number(low), number(high)} - {float("inf"), -float("inf"), 0, 1}:
                assert f"{limit:g}" in cells[3], (name, limit, cells)
            found += 1
    return found


def main():
    source, page = text("src", "data", "place_units.cpp"), text("docs", "file_formats.md")
    units = check_units(of_program(source), page)
    print(f"{units} spellings of units, ranges of {check_ranges(source, page)} variables")
    assert units > 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
