# tools/import_grid on real networks: Rhine and Meuse at 1 km (349,831 cells, one tree) and WaterGAP (47,107 cells); what it counts is what the
# files hold, and WaterGAP routes to the same bits on 1 and 2 ranks.
# one process
# timeout: 200
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import import_network_test as importing

RIVERS = ("--length", "river_length", "--slope", "river_slope", "--zero-length", "median")


def path_of(name):
    return os.path.join(os.environ.get("DPL_DATA", ""), name, name + ".nc")


def rhine(folder):
    importing.accepted("import_grid", path_of("rhine_meuse_network_1km"), *RIVERS, "--upstream-area", "upstream_area", "--output", folder)
    with netCDF4.Dataset(path_of("rhine_meuse_network_1km")) as source, netCDF4.Dataset(f"{folder}/network.nc") as made:
        length, slope = source["river_length"][:], source["river_slope"][:]
        np.testing.assert_allclose(made["length"][:][length > 0], length[length > 0], rtol=1e-12)
        assert f"lengths 0 or missing: {(length == 0).sum()} " in made.import_report, made.import_report
        assert f"slopes too large: {(slope > 1).sum()} " in made.import_report, made.import_report
        assert (made["downstream_id"][:] == 0).sum() == 1
        print(made.import_report)


def watergap(folder):
    name = "watergap_global_network"
    importing.accepted("import_grid", path_of(name), "--id", "cell_id", *RIVERS, "--local-area", "continental_area", "--constant-inflow", 1,
                       "--inflow-days", 1, "--output", folder)
    with netCDF4.Dataset(path_of(name)) as source, netCDF4.Dataset(f"{folder}/network.nc") as made:
        np.testing.assert_allclose(made["length"][:], source["river_length"][:] * 1000.0, rtol=1e-6)  # km in the source
        np.testing.assert_allclose(made["upstream_area"][:][made["downstream_id"][:] == 0].sum(), source["continental_area"][:].astype("f8").sum())
        print(made.import_report)
    importing.check_routing(folder)


def main():
    missing = [name for name in ("rhine_meuse_network_1km", "watergap_global_network") if not os.path.exists(path_of(name))]
    if missing:
        print(f"skipped: needs real data: {missing[0]}")
        return 77
    for check in (rhine, watergap):
        with tempfile.TemporaryDirectory() as folder:
            check(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
