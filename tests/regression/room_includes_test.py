"""Each room includes only the rooms and the libraries that its row of the table allows; no source file is too long."""
import os
import re
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("DPL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
MOST_LINES = 500

# Room: the rooms it may include beside itself, and the libraries it is the door of (fmt is everywhere).
ROOMS = {
    "base": (set(), {"yaml-cpp", "spdlog", "nlohmann"}),
    "parallel": ({"base"}, {"mpi", "nccl"}),
    "data": ({"base", "parallel"}, {"netcdf"}),
    "partition": ({"base"}, set()),
    "physics": ({"base"}, {"cuda"}),
    "coupling": ({"base", "parallel", "data", "partition", "physics"}, {"petsc"}),
    "learning": ({"base", "parallel", "data", "partition", "physics", "coupling"}, {"torch"}),
    "training": ({"base", "parallel", "data", "partition", "physics", "coupling", "learning"}, {"torch", "nlohmann"}),
    "experiments": ({"base", "parallel", "data", "partition", "physics", "coupling", "learning", "training"},
                    {"torch", "nlohmann"}),
}
MAIN_LIBRARIES = {"CLI"}

# The library that an include line names: the first pattern that matches the text between the angles.
LIBRARIES = (
    ("fmt", r"fmt/"), ("yaml-cpp", r"yaml-cpp/"), ("spdlog", r"spdlog/"), ("nlohmann", r"nlohmann/"), ("CLI", r"CLI/"),
    ("mpi", r"mpi(-ext)?\.h$"), ("nccl", r"nccl\.h$"), ("netcdf", r"netcdf|hdf5|H5"), ("cuda", r"cuda|cub/|thrust/|cooperative"),
    ("petsc", r"petsc|slepc"), ("torch", r"ATen/|torch/|c10/|caffe2/"),
)
STANDARD = re.compile(r"^[a-z0-9_]+$")  # <vector>, <cmath>
SYSTEM = {"unistd.h", "fcntl.h", "dlfcn.h", "immintrin.h", "sys/stat.h", "sys/types.h", "sys/wait.h", "sys/mman.h", "malloc.h", "spawn.h"}
TOO_WIDE = {"torch/torch.h", "ATen/ATen.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def library_of(header):
    """The third-party library of an angle include, "" for the language's and the system's own, None where unknown."""
    for name, pattern in LIBRARIES:
        if re.match(pattern, header):
            return name
    return "" if STANDARD.match(header) or header in SYSTEM else None


def problems_of(room, text):
    """What the include lines of a file of `room` (None: main.cpp) do that the table does not allow."""
    rooms, libraries = (set(ROOMS), MAIN_LIBRARIES) if room is None else ROOMS[room]
    problems = []
    for quote, header in INCLUDE.findall(text):
        if header in TOO_WIDE:
            problems.append(f"includes {header}, which costs tens of seconds in each file; take slim headers")
        elif header.startswith("dpl/"):
            other = header.split("/")[1]
            if other != room and other not in rooms:
                problems.append(f"includes {header}: room {room} may include {', '.join(sorted(rooms)) or 'no other'}")
        elif quote == "<":
            library = library_of(header)
            if library is None:
                problems.append(f"includes <{header}>, a library that this test does not know")
            elif library not in libraries | {"", "fmt"}:
                problems.append(f"includes <{header}>: {library} has its door in another room")
    return problems


def sources():
    """Every source file with its room."""
    for top in (ROOT / "include" / "dpl", ROOT / "src"):
        for path in sorted(top.rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h", ".cu"):
                yield path, None if path.parent == ROOT / "src" else path.relative_to(top).parts[0]


class RoomTest(unittest.TestCase):
    def test_include_lines_follow_the_table_of_rooms(self):
        problems = [f"{path.relative_to(ROOT)} {problem}" for path, room in sources() for problem in
                    problems_of(room, path.read_text())]
        self.assertEqual(problems, [], "\n" + "\n".join(problems))

    def test_every_source_lies_in_a_room(self):
        strangers = [str(path.relative_to(ROOT)) for path, room in sources() if room is not None and room not in ROOMS]
        self.assertEqual(strangers, [])
        self.assertGreater(sum(1 for _ in sources()), 50)

    def test_no_file_is_too_long(self):
        tests = (path for folder in ("tests", "tools", "cmake") for path in (ROOT / folder).rglob("*") if path.is_file())
        lengths = {str(path.relative_to(ROOT)): len(path.read_text(errors="replace").splitlines())
                   for path in [*(path for path, _ in sources()), *tests] if path.suffix != ".pyc"}
        self.assertEqual({name: lines for name, lines in lengths.items() if lines > MOST_LINES}, {})

    def test_the_table_is_that_of_the_build(self):
        text = (ROOT / "CMakeLists.txt").read_text()
        self.assertEqual(re.findall(r"^dpl_add_room\((\w+)", text, re.MULTILINE), list(ROOMS))


class ReaderTest(unittest.TestCase):
    def test_forbidden_lines_are_found(self):
        self.assertEqual(len(problems_of("physics", '#include "dpl/data/netcdf_file.hpp"\n')), 1)
        self.assertEqual(len(problems_of("base", '#  include <mpi.h>\n')), 1)
        self.assertEqual(len(problems_of("learning", "#include <torch/torch.h>\n")), 1)
        self.assertEqual(len(problems_of("training", "#include <boost/graph.hpp>\n")), 1)
        self.assertEqual(len(problems_of(None, "#include <petscsf.h>\n")), 1)

    def test_allowed_lines_are_not(self):
        self.assertEqual(problems_of("coupling", '#include <petscsf.h>\n#include "dpl/base/error.hpp"\n#include <map>\n'), [])
        self.assertEqual(problems_of("physics", "#include <cuda_runtime.h>\n#include <fmt/format.h>\n"), [])


if __name__ == "__main__":
    unittest.main()
