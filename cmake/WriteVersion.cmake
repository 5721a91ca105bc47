# Writes dpl/base/version.hpp at build time, so that the git hash is that of the build and not of the configuration.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git -C "${SOURCE}" rev-parse --short=12 HEAD OUTPUT_VARIABLE _hash
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE _failed)
if(_failed)
  set(_hash "unknown")
else()
  execute_process(COMMAND git -C "${SOURCE}" status --porcelain --untracked-files=no OUTPUT_VARIABLE _changed ERROR_QUIET)
  if(_changed)
    string(APPEND _hash "-modified")
  endif()
endif()
file(CONFIGURE OUTPUT "${OUT}" @ONLY CONTENT "// Made by the build: what this program is.
#pragma once

namespace dpl {

inline constexpr const char* kVersion = \"@VERSION@\";
inline constexpr const char* kGitHash = \"@_hash@\";
inline constexpr const char* kBuildType = \"@BUILD_TYPE@\";
inline constexpr const char* kCompiler = \"@COMPILER@\";

}  // namespace dpl
")
