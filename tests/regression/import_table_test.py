# tools/import_table: the same forcing as netCDF, as one long CSV and as a CSV a place becomes the same domain by its
# mapping file; what is wrong in mapping or data is told in one line; the packed CAMELS, where it is, comes out as
# from its own importer.
# timeout: 240
# one process
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_camels_test import texts
from import_network_test import accepted, refused

IDS, DAYS = ["007", "a8"], ["2000-02-28", "2000-02-29", "2000-03-01"]
RAIN = np.array([[0, 1, -999], [4, 5, 6.0]])
TAS = np.array([[280, 281, 282], [270, 271, 272.0]])
FLOW = np.array([[10, 20, 30], [1, -999, 3.0]])
FT3 = 0.028316846592
ATTRIBUTES = """station,lat,lon,area,elev,slope,clay,soil
a8,45,7,864000000,500,0.1,20,loam
007,50,8,86400000,100,0.2,-999,clay
x,1,1,1,1,1,1,z
"""
ATTRIBUTE_SECTION = """
attributes:
  file: attributes.csv
  id: station
  latitude: lat
  longitude: lon
  area_km2: {from: area, units: m2}
  elevation_m: elev
  missing: -999
"""
NETCDF = """
forcing:
  file: forcing.nc
  id: gauge
  time: date
  missing: [-999]
  variables: {precipitation: rain, temperature_mean: {from: tas, units: K}, wind: ws}
""" + ATTRIBUTE_SECTION
LONG = """
forcing:
  file: long.csv
  id: gauge
  time: date
  missing: -999
  variables:
    precipitation: {from: rain, units: mm/h}
    temperature_mean: {from: tas, units: K}
    wind: {from: ws, units: m s-1}
observations:
  file: flow/{id}.csv
  time: date
  missing: -999
  variables: {streamflow: {from: q, units: ft3/s}}
""" + ATTRIBUTE_SECTION
EACH = LONG.replace("long.csv\n  id: gauge", "each/{id}.csv")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def write_data(folder):
    write(f"{folder}/attributes.csv", ATTRIBUTES)
    row = lambda k, t: f"{DAYS[t]},{RAIN[k, t]},{TAS[k, t]},{0.5 + t}\n"
    write(f"{folder}/long.csv",
          "gauge,date,rain,tas,ws\n" + "".join(f"{IDS[k]},{row(k, t)}" for t in range(3) for k in range(2)))
    for k, i in enumerate(IDS):
        write(f"{folder}/each/{i}.csv", "date,rain,tas,ws\n" + "".join(row(k, t) for t in range(3)))
        write(f"{folder}/flow/{i}.csv", "date,q\n" + "".join(f"{DAYS[t]},{FLOW[k, t]}\n" for t in range(3)))
    with netCDF4.Dataset(f"{folder}/forcing.nc", "w") as file:
        file.createDimension("n", 2)
        file.createDimension("date", 3)
        file.createVariable("gauge", str, ("n", ))[:] = np.array(IDS, object)
        file.createVariable("date", "i4", ("date", ))[:] = range(3)
        file["date"].units = "days since 2000-02-28"
        for name, values, units in (("rain", RAIN, "mm/h"), ("tas", TAS, None), ("ws", np.tile([0.5, 1.5, 2.5],
                                                                                               (2, 1)), "m s-1")):
            v = file.createVariable(name, "f8", ("date", "n"))
            v[:] = values.T
            if units:
                v.units = units


def check_domain(folder, ids, with_flow):
    """`ids`: places in the order of the domain, that of the forcing or, with a file a place, of the attributes."""
    rows = [IDS.index(i) for i in ids]
    with netCDF4.Dataset(f"{folder}/forcing.nc") as file:
        assert texts(
            file["place_id"]) == ids and file["time"].units == "days since 2000-02-28" and file["time"].shape == (3, )
        rain = np.array([[0, 24, np.nan], [96, 120, 144]])
        np.testing.assert_allclose(np.ma.filled(file["precipitation"][:], np.nan), rain[rows], rtol=1e-6)
        np.testing.assert_allclose(file["temperature_mean"][:], TAS[rows] - 273.15, atol=1e-4)
        assert file["wind"].units == "m s-1" and file["wind"][1, 2] == 2.5
        np.testing.assert_allclose(file["area_km2"][:], np.array([86.4, 864])[rows])
        np.testing.assert_array_equal(file["elevation_m"][:], np.array([100, 500])[rows])
        assert "places of the attributes without forcing: 1" in file.import_report, file.import_report
    with netCDF4.Dataset(f"{folder}/attributes.nc") as file:
        assert set(file.variables) == {"place_id", "slope", "clay", "soil"}
        np.testing.assert_array_equal(file["slope"][:], np.array([0.2, 0.1])[rows])
        np.testing.assert_array_equal(np.ma.filled(file["clay"][:], np.nan), np.array([np.nan, 20])[rows])
        assert texts(file["soil"]) == [["clay", "loam"][k] for k in rows]
    if with_flow:
        with netCDF4.Dataset(f"{folder}/observations.nc") as file:
            flow = dict(zip(texts(file["place_id"]), np.ma.filled(file["streamflow"][:], np.nan)))
            np.testing.assert_allclose(flow["007"], FT3 * np.array([10, 20, 30]), rtol=1e-6)
            np.testing.assert_allclose(flow["a8"], FT3 * np.array([0.1, np.nan, 0.3]), rtol=1e-6)


def check_real(data, folder):
    mapping = write(
        f"{folder}/camels.yaml", f"""
forcing:
  file: {data}/camels_us_maurer_forcing.nc
  id: gauge_id
  time: time
  variables: {{precipitation: prcp, temperature_min: tmin, temperature_max: tmax}}
attributes: {{file: {data}/attributes.csv, id: gauge_id, latitude: gauge_lat, area_km2: area_gages2, columns: [p_mean]}}
observations:
  file: {data}/camels_us_streamflow.nc
  id: gauge_id
  time: time
  variables: {{streamflow: streamflow}}
""")
    accepted("import_table", mapping, "--output", f"{folder}/table")
    accepted("import_camels", data, "--area", "area_gages2", "--output", f"{folder}/camels")
    for name, variables in (("forcing", ("precipitation", "temperature_mean", "temperature_min", "area_km2")),
                            ("observations", ("streamflow", ))):
        with netCDF4.Dataset(f"{folder}/table/{name}.nc") as one, netCDF4.Dataset(
                f"{folder}/camels/{name}.nc") as other:
            assert texts(one["place_id"]) == texts(other["place_id"])
            for variable in variables:
                np.testing.assert_array_equal(np.ma.filled(one[variable][:], np.nan),
                                              np.ma.filled(other[variable][:], np.nan))


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_data(folder)
        out = ("--output", f"{folder}/domain")
        for text in (NETCDF, LONG, EACH):
            accepted("import_table", write(f"{folder}/mapping.yaml", text), *out)
            check_domain(f"{folder}/domain", IDS[::-1] if text == EACH else IDS, text != NETCDF)

        with netCDF4.Dataset(f"{folder}/forcing.nc", "a") as file:  # ids that are numbers are written out
            file.createVariable("number", "i4", ("n",))[:] = [12, 7]
        write(f"{folder}/attributes.csv", ATTRIBUTES.replace("a8,", "12,").replace("007,", "7,"))
        accepted("import_table", write(f"{folder}/mapping.yaml", NETCDF.replace("id: gauge", "id: number")), *out)
        with netCDF4.Dataset(f"{folder}/domain/forcing.nc") as file:
            assert texts(file["place_id"]) == ["12", "7"]
        write(f"{folder}/attributes.csv", ATTRIBUTES)

        def wrong(words, old, new, text=LONG):
            assert old in text
            refused(words, "import_table", write(f"{folder}/wrong.yaml", text.replace(old, new)), *out)

        wrong("key fyle is not known (did you mean file?)", "file: long.csv", "fyle: long.csv")
        wrong("section observation is not known (did you mean observations?)", "observations:", "observation:")
        wrong("variable temperature_men is not known (did you mean temperature_mean?)", "temperature_mean",
              "temperature_men")
        wrong("observations: variable flow is not known", "streamflow", "flow")
        wrong("long.cvs does not exist", "long.csv", "long.cvs")
        wrong("variable rain has units ''; allowed for water", "{from: rain, units: mm/h}", "rain")
        wrong("has units 'mm/h', the mapping says 'mm/day'", "precipitation: rain",
              "precipitation: {from: rain, units: mm/day}", NETCDF)
        wrong("there is no variable rein", "precipitation: rain", "precipitation: rein", NETCDF)
        wrong("precipitation is '7'; it must be the name in the file", "{from: rain, units: mm/h}", "7")
        wrong("there is no column area2", "area_km2: {from: area", "area_km2: {from: area2")
        wrong("units 'acre'", "units: m2", "units: acre")
        wrong("is not YAML", "missing: -999", "missing: {")
        wrong("forcing.time is missing", "id: gauge\n  time: date", "id: gauge")
        wrong("needs attributes.area_km2", "  area_km2: {from: area, units: m2}\n", "")
        wrong("there is no file of any of the 2 places", "flow/{id}", "flaw/{id}")
        wrong("temperature_mean is 280 at place 007 on 2000-02-28", "units: K", "units: degC")
        write(f"{folder}/long.csv", "gauge,date,rain,tas,ws\n007,2000-01-01,1,280,1\n007,2000-01-01,1,280,1\n")
        refused("the day 2000-01-01 comes twice", "import_table", write(f"{folder}/wrong.yaml", LONG), *out)
        write(f"{folder}/attributes.csv", ATTRIBUTES.replace("86400000,", "none,"))
        refused("column area holds 'none'; numbers are needed", "import_table", write(f"{folder}/wrong.yaml", EACH),
                *out)

        source = os.path.join(os.environ.get("DPL_DATA", ""), "camels_us")
        if os.path.exists(source):
            check_real(source, folder)
        else:
            print("not checked on real data: camels_us is absent")


if __name__ == "__main__":
    sys.exit(main())
