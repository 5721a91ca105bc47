# Finds MPI, PETSc, parallel netCDF-4/HDF5 and the small C++ libraries; each failure says what to install and what to set.
find_package(PkgConfig QUIET)

function(dpl_missing what debian hint)
  message(FATAL_ERROR "${what} is missing: install the Debian package ${debian} (tools/setup does), or ${hint}")
endfunction()

find_package(MPI COMPONENTS C QUIET)
if(NOT MPI_C_FOUND)
  dpl_missing("MPI" "libopenmpi-dev" "load an MPI module so that mpicc is on PATH")
endif()
# Without it mpi.h of Open MPI 4 asks for the removed C++ bindings.
target_compile_definitions(MPI::MPI_C INTERFACE OMPI_SKIP_MPICXX=1)
find_package(Threads REQUIRED)

# --- PETSc: pkg-config (PETSC_DIR/PETSC_ARCH or PKG_CONFIG_PATH), else PETSC_DIR, else Debian's place.
if(DEFINED ENV{PETSC_DIR})
  set(ENV{PKG_CONFIG_PATH}
      "$ENV{PETSC_DIR}/$ENV{PETSC_ARCH}/lib/pkgconfig:$ENV{PETSC_DIR}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
endif()
if(PKG_CONFIG_FOUND AND NOT PETSC_INCLUDE)
  pkg_search_module(PETSC_PC QUIET IMPORTED_TARGET petsc PETSc petsc-real PETSc-real)
endif()
add_library(dpl::petsc INTERFACE IMPORTED)
if(PETSC_PC_FOUND)
  target_link_libraries(dpl::petsc INTERFACE PkgConfig::PETSC_PC MPI::MPI_C)
  set(_petsc_include ${PETSC_PC_INCLUDE_DIRS})
else()
  find_path(PETSC_INCLUDE petscsf.h PATHS $ENV{PETSC_DIR}/include /usr/lib/petsc/include)
  find_library(PETSC_LIB NAMES petsc petsc_real HINTS "$ENV{PETSC_DIR}/$ENV{PETSC_ARCH}/lib" "${PETSC_INCLUDE}/../lib")
  if(NOT PETSC_INCLUDE OR NOT PETSC_LIB)
    dpl_missing("PETSc" "libpetsc-real-dev" "set PETSC_DIR (and PETSC_ARCH) or PKG_CONFIG_PATH to a PETSc with real scalars")
  endif()
  target_include_directories(dpl::petsc SYSTEM INTERFACE "${PETSC_INCLUDE}" "$ENV{PETSC_DIR}/$ENV{PETSC_ARCH}/include")
  target_link_libraries(dpl::petsc INTERFACE "${PETSC_LIB}" MPI::MPI_C)
  set(_petsc_include "${PETSC_INCLUDE}")
endif()
include(CheckCSourceCompiles)
function(dpl_check_source variable source libraries)
  set(CMAKE_REQUIRED_LIBRARIES ${libraries})
  set(CMAKE_REQUIRED_QUIET TRUE)
  set(CMAKE_REQUIRED_FLAGS "-DOMPI_SKIP_MPICXX=1")
  check_c_source_compiles("${source}" ${variable})
endfunction()
dpl_check_source(DPL_PETSC_IS_REAL
  "#include <petscsf.h>\n#ifdef PETSC_USE_COMPLEX\n#error complex\n#endif\nint main(void) { return 0; }" dpl::petsc)
if(NOT DPL_PETSC_IS_REAL)
  message(FATAL_ERROR "PETSc in ${_petsc_include} has complex scalars or does not compile: install libpetsc-real-dev, or set "
                      "PETSC_DIR to a PETSc configured with real scalars and the same MPI")
endif()

# --- parallel netCDF-4 over parallel HDF5. Debian keeps it beside the serial one under another name.
list(TRANSFORM CMAKE_PREFIX_PATH APPEND /include OUTPUT_VARIABLE _own_include)
find_path(NETCDF_INCLUDE netcdf_par.h
  PATHS "$ENV{NETCDF_DIR}/include" ${_own_include} /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/netcdf/mpi/include
  NO_DEFAULT_PATH)
find_path(NETCDF_INCLUDE netcdf_par.h)
find_library(NETCDF_LIB NAMES netcdf_mpi netcdf NAMES_PER_DIR HINTS "${NETCDF_INCLUDE}/../lib" "$ENV{NETCDF_DIR}/lib")
if(NOT NETCDF_INCLUDE OR NOT NETCDF_LIB)
  dpl_missing("parallel netCDF" "libnetcdf-mpi-dev" "set NETCDF_DIR or CMAKE_PREFIX_PATH to a netCDF-C built with parallel HDF5")
endif()
add_library(dpl::netcdf INTERFACE IMPORTED)
target_include_directories(dpl::netcdf SYSTEM INTERFACE "${NETCDF_INCLUDE}")
target_link_libraries(dpl::netcdf INTERFACE "${NETCDF_LIB}" MPI::MPI_C)
dpl_check_source(DPL_NETCDF_IS_PARALLEL
  "#include <netcdf.h>\n#include <netcdf_meta.h>\n#if !NC_HAS_PARALLEL4\n#error serial\n#endif\n#include <mpi.h>\n#include <netcdf_par.h>\nint main(void) { int id; return nc_open_par(\"x\", 0, MPI_COMM_WORLD, MPI_INFO_NULL, &id); }"
  dpl::netcdf)
if(NOT DPL_NETCDF_IS_PARALLEL)
  message(FATAL_ERROR "netCDF in ${NETCDF_INCLUDE} cannot read in parallel: install libnetcdf-mpi-dev, or set NETCDF_DIR to a "
                      "netCDF-C built with parallel HDF5")
endif()
# A serial HDF5 or netCDF in the same process would share symbols with the parallel one.
foreach(_library "${NETCDF_LIB}" ${PETSC_PC_LINK_LIBRARIES} "${PETSC_LIB}")
  if(EXISTS "${_library}" AND _library MATCHES "netcdf|petsc")
    execute_process(COMMAND ldd "${_library}" OUTPUT_VARIABLE _needed ERROR_QUIET)
    if(_needed MATCHES "libhdf5_serial[^\n ]*" OR _needed MATCHES "libnetcdf\\.so[^\n ]*")
      message(FATAL_ERROR "${_library} loads the serial ${CMAKE_MATCH_0}: a serial HDF5 or netCDF in the process of a "
                          "parallel one is refused; take a library built with parallel HDF5 (NETCDF_DIR, PETSC_DIR)")
    endif()
  endif()
endforeach()

foreach(_library "yaml-cpp;libyaml-cpp-dev" "CLI11;libcli11-dev" "fmt;libfmt-dev" "spdlog;libspdlog-dev"
        "nlohmann_json;nlohmann-json3-dev")
  list(GET _library 0 _name)
  list(GET _library 1 _package)
  find_package(${_name} QUIET)
  if(NOT ${_name}_FOUND)
    dpl_missing("${_name}" "${_package}" "put it on CMAKE_PREFIX_PATH")
  endif()
endforeach()
