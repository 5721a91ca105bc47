# tools/import_ddr: a small adjacency matrix in DDR's form (zarr, COO) made here becomes network.nc, from CSV and
# netCDF tables, also a gauge's group that counts in the whole matrix; wrong ones are told in one line; the Juniata's
# real network (where it is there), written in that form and imported, is the network it was.
# one process
# timeout: 120
import os
import sys
import tempfile

import netCDF4
import numpy as np
import zarr

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import accepted, check_routing, refused

IDS = [70, 20, 5, 40, 900]  # upstream first: 70, 20 -> 5; 5, 40 -> 900
EDGES = [(2, 0), (2, 1), (4, 2), (4, 3)]  # (downstream, upstream)
TABLE = ("COMID,slope,lengthkm,unitarea\n900,0.001,4.0,12\n5,0.002,0.5,12\n20,0,9.0,4\n40,0.004,2.0,3\n70,0.005,3.0,9\n"
         "1,0.5,1.0,1\n")


def write_matrix(group, ids, edges, size, values=None):
    """As DDR writes it: zarr format 3, int32 indices and ids, uint8 values."""
    below, above = (np.array(column, "i4") for column in zip(*edges)) if edges else (np.zeros(0, "i4"),) * 2
    values = np.ones(len(edges), "u1") if values is None else np.array(values, "u1")
    for name, array in (("indices_0", below), ("indices_1", above), ("values", values), ("order", np.array(ids, "i4"))):
        group.create_array(name=name, shape=array.shape, dtype=array.dtype)[:] = array
    group.attrs.update({"format": "COO", "shape": [size, size], "geodataset": "merit",
                        "data_types": {"indices_0": "int32", "indices_1": "int32", "values": "uint8"}})


def matrix(path, ids=IDS, edges=EDGES, values=None):
    write_matrix(zarr.create_group(store=path), ids, edges, len(ids), values)
    return path


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def variables(folder):
    with netCDF4.Dataset(f"{folder}/network.nc") as file:
        return {name: np.asarray(v[:]) for name, v in file.variables.items()}, file.import_report


def juniata(folder, data):
    with netCDF4.Dataset(f"{data}/network.nc") as file:
        ids, below = file["reach_id"][:].tolist(), file["downstream_id"][:].tolist()
        expected = {name: np.asarray(file[name][:], "f8") for name in ("length", "slope", "upstream_area",
                                                                       "local_area")}
    at = {reach: k for k, reach in enumerate(ids)}
    store = matrix(f"{folder}/juniata.zarr", ids, [(at[b], k) for k, b in enumerate(below) if b])
    said = accepted("import_ddr", store, "--reaches", f"{data}/network.nc", "--slope-min", 1e-9, "--output",
                    f"{folder}/juniata")
    network, _ = variables(f"{folder}/juniata")
    assert "slopes 0" in said, said  # 3 of them, by the data's README
    assert network["reach_id"].tolist() == ids and network["downstream_id"].tolist() == below
    np.testing.assert_array_equal(network["length"], expected["length"])
    np.testing.assert_array_equal(network["slope"], np.where(expected["slope"] == 0, 1e-9, expected["slope"]))
    np.testing.assert_allclose(network["upstream_area"], expected["upstream_area"], rtol=1e-9)


def main():
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: f"{folder}/{name}"
        whole, table, out = matrix(at("whole.zarr")), write(at("reaches.csv"), TABLE), ("--output", at("domain"))
        said = accepted("import_ddr", whole, "--reaches", table, "--constant-inflow", 2, *out)
        assert "slopes 0" in said, said
        network, report = variables(at("domain"))
        assert network["reach_id"].tolist() == IDS and network["downstream_id"].tolist() == [5, 5, 900, 900, 0]
        np.testing.assert_allclose(network["length"], [3000, 9000, 500, 2000, 4000])
        np.testing.assert_allclose(network["slope"], [0.005, 1e-5, 0.002, 0.004, 0.001])
        np.testing.assert_allclose(network["upstream_area"], [9, 4, 25, 3, 40])
        check_routing(at("domain"))
        with netCDF4.Dataset(at("reaches.nc"), "w") as file:
            file.createDimension("reach", 5)
            for name, values, units in (("comid", IDS, None), ("river_length", [3.0, 9.0, 0.5, 2.0, 4.0], "km"),
                                        ("gradient", [0.5, 0.9, 0.2, 0.4, 0.1], "percent")):
                file.createVariable(name, "i8" if name == "comid" else "f8", ("reach",))[:] = values
                if units:
                    file[name].units = units
        columns = ("--reaches", at("reaches.nc"), "--length", "river_length", "--slope", "gradient")
        accepted("import_ddr", matrix(at("cut.zarr"), values=[1, 1, 1, 0]), *columns, *out)
        network, report = variables(at("domain"))
        assert network["downstream_id"].tolist() == [5, 5, 900, 0, 0] and "entries of value 0: 1" in report, report
        np.testing.assert_allclose(network["slope"], [0.005, 0.009, 0.002, 0.004, 0.001])
        assert "upstream_area" not in network

        # gauges' groups: positions of the whole matrix, ids of the part in any order
        gauges = zarr.create_group(store=at("gauges.zarr"))
        write_matrix(gauges.create_group("01570500"), [20, 5, 70], [(2, 1), (2, 0)], 5)
        write_matrix(gauges.create_group("01563500"), [40], [], 5)
        part = ("import_ddr", at("gauges.zarr"), "--reaches", table)
        for group, ids, below in (("01570500", [20, 5, 70], [5, 0, 5]), ("01563500", [40], [0])):
            accepted(*part, "--group", group, "--whole", whole, *out)
            network, _ = variables(at("domain"))
            assert network["reach_id"].tolist() == ids and network["downstream_id"].tolist() == below, network
        refused("the matrix has 5 rows, order 3 ids", *part, "--group", "01570500", *out)
        refused("there is no array order", *part, *out)
        refused("there is no group 9; it holds 01563500, 01570500", *part, "--group", "9", *out)
        refused("order has 4 ids", *part, "--group", "01570500", "--whole", matrix(at("four.zarr"), IDS[:4], EDGES[:2]),
                *out)

        plain = ("--reaches", table, *out)
        refused("reach 5 drains into 900, 40 (1 such reaches)", "import_ddr",
                matrix(at("two.zarr"), edges=EDGES + [(3, 2)]), *plain)
        refused("drain in a circle", "import_ddr", matrix(at("circle.zarr"), edges=EDGES + [(0, 4)]), *plain)
        refused("indices_0 is 5 in entry 4; 0 to 4", "import_ddr", matrix(at("outside.zarr"), edges=EDGES + [(5, 4)]),
                *plain)
        refused("does not exist", "import_ddr", at("none.zarr"), *plain)
        refused("1 of 5 reaches have no row there: 40", "import_ddr", whole, "--reaches",
                write(at("less.csv"), TABLE.replace("40,0.004,2.0,3\n", "")), *out)
        refused("slope is 'steep' in data row 4", "import_ddr", whole, "--reaches",
                write(at("word.csv"), TABLE.replace("0.004", "steep")), *out)
        refused("none of slope, So", "import_ddr", whole, "--reaches",
                write(at("flat.csv"), TABLE.replace("slope", "gradient")), *out)
        refused("the unit of L is not known", "import_ddr", whole, "--reaches",
                write(at("unit.csv"), TABLE.replace("lengthkm", "L")), "--length", "L", *out)
        accepted("import_ddr", whole, "--reaches", at("unit.csv"), "--length", "L", "--length-unit", "km", *out)
        data = os.path.join(os.environ.get("DPL_DATA", ""), "juniata")
        if os.path.isdir(data):
            juniata(folder, data)
        else:
            print("the Juniata's network is not there: needs real data: juniata")


if __name__ == "__main__":
    sys.exit(main())
