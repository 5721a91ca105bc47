# tools/import_grid and tools/import_mizuroute: a small network made here, read back value by value, its two forms the same domain;
# wrong files in one line; what is imported routes to the same bits on 1 and 2 ranks.
# timeout: 120
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

TOOLS = os.path.join(os.environ["DPL_SOURCE_DIR"], "tools")
IDS = np.array([50, 7, 31, 12, 900])
DOWN = np.array([2, 2, 4, 4, -1])  # 50, 7 -> 31; 31, 12 -> 900
LENGTH, SLOPE, AREA = np.array([3.0, 0.0, 5.0, 2.0, 4.0]), np.array([1e-3, 0.0, 2.0, 1e-7, 5e-3]), np.array([9.0, 4.0, 25.0, 3.0, 40.0])


def write(path, form, down=DOWN, length_units="km", downstream_of_outlet=0):
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("record", len(IDS))

        def put(name, values, units=None):
            file.createVariable(name, np.asarray(values).dtype, ("record",))[:] = values
            if units:
                file[name].units = units
        if form == "grid":
            put("cell", IDS)
            put("down_index", down)
        else:
            put("segId", IDS)
            put("downSegId", np.where(down < 0, downstream_of_outlet, IDS[down]))
        put("length", LENGTH, length_units)
        put("slope", SLOPE, "1")
        put("area", AREA, "km2")


def run(tool, *arguments):
    return subprocess.run([os.path.join(TOOLS, tool), *map(str, arguments)], capture_output=True, text=True)


def accepted(tool, *arguments):
    done = run(tool, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(text, tool, *arguments):
    done = run(tool, *arguments)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
    assert text in done.stderr, (text, done.stderr)


def check_domain(folder):
    with netCDF4.Dataset(f"{folder}/network.nc") as file:
        assert list(file["reach_id"][:]) == list(IDS)
        assert list(file["downstream_id"][:]) == [31, 31, 900, 900, 0]
        np.testing.assert_array_equal(file["length"][:], [3000, 3500, 5000, 2000, 4000])  # 0: the median of the others
        np.testing.assert_allclose(file["slope"][:], [1e-3, 1e-5, 1.0, 1e-5, 5e-3], rtol=1e-15)
        np.testing.assert_array_equal(file["upstream_area"][:], AREA)
        np.testing.assert_array_equal(file["local_area"][:], [9, 4, 12, 3, 12])
        for word in ("lengths 0 or missing: 1 (set to 3500 m)", "slopes too large: 1", "slopes 0: 1"):
            assert word in file.import_report, file.import_report


def route(folder, ranks):
    config = f"{folder}/route.yaml"
    with open(config, "w") as file:
        file.write(f"""
name: imported
precision: double
data_sources: {{network: {folder}/network.nc, lateral_inflow: {folder}/lateral_inflow.nc}}
output: {{folder: {folder}/output_{ranks}, discharge: all, interval_h: 24}}
""")
    done = subprocess.run([os.environ["DPL_MPIEXEC"], "-n", str(ranks), os.environ["DPL_HPC"], "route", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = [os.path.join(path, name) for path, _, names in os.walk(f"{folder}/output_{ranks}") for name in names if name == "discharge.nc"]
    with netCDF4.Dataset(found) as file:
        order = np.argsort(file["reach_id"][:])
        v = file["discharge"]
        values = np.asarray(v[:] if v.dimensions[0] != "time" else v[:].T)
        return values[order]


def check_routing(folder):
    one, two = route(folder, 1), route(folder, 2)
    assert one.tobytes() == two.tobytes()
    assert np.isfinite(one).all() and one.min() >= 0 and one.max() > 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        grid, segments = f"{folder}/grid.nc", f"{folder}/segments.nc"
        common = ("--upstream-area", "area", "--zero-length", "median", "--constant-inflow", "2")
        write(grid, "grid")
        accepted("import_grid", grid, "--id", "cell", *common, "--output", f"{folder}/grid")
        check_domain(f"{folder}/grid")
        with netCDF4.Dataset(f"{folder}/grid/lateral_inflow.nc") as file:
            np.testing.assert_allclose(file["q_lateral"][5], np.array([9, 4, 12, 3, 12]) * 2e3 / 86400, rtol=1e-6)
        check_routing(f"{folder}/grid")
        for outlet in (0, -1):
            write(segments, "mizuroute", downstream_of_outlet=outlet)
            accepted("import_mizuroute", segments, *common, "--output", f"{folder}/segments")
            check_domain(f"{folder}/segments")
        out = ("--output", f"{folder}/bad")
        refused("--zero-length", "import_grid", grid, *out)
        refused("does not exist", "import_grid", f"{folder}/none.nc", *out)
        refused("there is no variable lenght; the file holds cell", "import_grid", grid, "--length", "lenght", *out)
        refused("none of segId", "import_mizuroute", grid, *out)
        refused("--local-area", "import_grid", grid, "--zero-length", "9", "--constant-inflow", "1", *out)
        write(grid, "grid", length_units="furlong")
        refused("units 'furlong'; allowed for length: m", "import_grid", grid, *out)
        write(grid, "grid", down=np.array([2, 2, 4, 4, 3]))
        refused("drain in a circle", "import_grid", grid, *out)
        write(grid, "grid", down=np.array([2, 2, 4, 9, -1]))
        refused("down_index is 9 in record 3", "import_grid", grid, *out)
        write(segments, "mizuroute", downstream_of_outlet=77)
        refused("1 downstream ids are in no row: 77 (of reach 900)", "import_mizuroute", segments, *out)
        assert "made outlets" in accepted("import_mizuroute", segments, "--unknown-downstream", "outlet", "--zero-length", "9", *out)
        assert not os.path.exists(f"{folder}/bad/lateral_inflow.nc")


if __name__ == "__main__":
    sys.exit(main())
