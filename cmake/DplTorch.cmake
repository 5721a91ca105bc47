# LibTorch without find_package(Torch): the wheel's package insists on a CUDA toolkit, and its include folder hides the
# system's fmt. Targets: dpl::torch (CPU), dpl::torch_cuda (DPL_CUDA and libtorch_cuda present).
#   DPL_TORCH_ROOT  folder with lib/libtorch_cpu.so and include/ (a wheel's torch/ folder, or an unpacked libtorch)
#   DPL_PYTHON      python whose torch wheel is used when DPL_TORCH_ROOT is not given
set(DPL_PYTHON "" CACHE FILEPATH "python with a torch wheel (only its folder is used)")
set(DPL_TORCH_ROOT "" CACHE PATH "folder of LibTorch: lib/libtorch_cpu.so and include/")

if(NOT DPL_TORCH_ROOT AND DPL_PYTHON AND EXISTS "${DPL_PYTHON}")
  execute_process(
    COMMAND "${DPL_PYTHON}" -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE _root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(_root)
    set(DPL_TORCH_ROOT "${_root}" CACHE PATH "" FORCE)
  endif()
endif()
if(NOT DPL_TORCH_ROOT)
  find_path(_torch_header torch/csrc/api/include/torch/torch.h PATH_SUFFIXES include)
  if(_torch_header)
    get_filename_component(_root "${_torch_header}/.." ABSOLUTE)
    set(DPL_TORCH_ROOT "${_root}" CACHE PATH "" FORCE)
  endif()
endif()
set(_lib "${DPL_TORCH_ROOT}/lib")
if(NOT DPL_TORCH_ROOT OR NOT EXISTS "${_lib}/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch is missing: run tools/setup (pip package torch), or set DPL_TORCH_ROOT, or put an unpacked "
                      "libtorch on CMAKE_PREFIX_PATH")
endif()

# libtorch_cpu.so of a CUDA wheel loads libcudart and libcupti, which lie beside the wheel or in a toolkit.
get_filename_component(_site "${DPL_TORCH_ROOT}/.." ABSOLUTE)
set(DPL_TORCH_RPATH "${_lib}")
foreach(_folder "${_site}/nvidia/cu13/lib" "${_site}/nvidia/nccl/lib" "${_site}/nvidia/cudnn/lib"
        "${_site}/nvidia/cusparselt/lib" "${_site}/nvidia/nvshmem/lib" "/usr/local/cuda/lib64")
  if(EXISTS "${_folder}")
    list(APPEND DPL_TORCH_RPATH "${_folder}")
  endif()
endforeach()
list(JOIN DPL_TORCH_RPATH ":" _rpath_link)

foreach(_name torch_cpu c10)
  add_library(dpl::${_name} SHARED IMPORTED)
  set_target_properties(dpl::${_name} PROPERTIES IMPORTED_LOCATION "${_lib}/lib${_name}.so")
endforeach()
add_library(dpl::torch INTERFACE IMPORTED)
# Only these four folders: the wheel's include/ also holds an fmt that shadows the system's.
set(_include "${CMAKE_BINARY_DIR}/torch_include")
file(MAKE_DIRECTORY "${_include}")
foreach(_folder ATen c10 caffe2 torch)
  file(CREATE_LINK "${DPL_TORCH_ROOT}/include/${_folder}" "${_include}/${_folder}" SYMBOLIC)
endforeach()
target_include_directories(dpl::torch SYSTEM INTERFACE "${_include}" "${DPL_TORCH_ROOT}/include/torch/csrc/api/include")
target_link_libraries(dpl::torch INTERFACE dpl::torch_cpu dpl::c10)
target_compile_definitions(dpl::torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
# DT_RPATH: DT_RUNPATH is not searched for what libtorch itself needs.
target_link_options(dpl::torch INTERFACE "LINKER:-rpath-link,${_rpath_link}" "LINKER:--disable-new-dtags")

if(DPL_CUDA AND EXISTS "${_lib}/libtorch_cuda.so" AND EXISTS "${_site}/nvidia/cusparselt")  # what only wheels bring
  add_library(dpl::c10_cuda SHARED IMPORTED)
  set_target_properties(dpl::c10_cuda PROPERTIES IMPORTED_LOCATION "${_lib}/libc10_cuda.so")
  add_library(dpl::torch_cuda INTERFACE IMPORTED)
  # It registers its kernels when loaded and is called by no symbol: keep the linker from dropping it.
  target_link_libraries(dpl::torch_cuda INTERFACE dpl::torch dpl::c10_cuda
    "-Wl,--push-state,--no-as-needed,${_lib}/libtorch_cuda.so,--pop-state" dpl::cudart)
endif()
