# Compiler settings that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")
option(SLUICE_TESTS "Build the unit tests" ON)
option(SLUICE_FUZZ "Build the fuzzers src/*/*_fuzz.cc (clang only)" OFF)
option(SLUICE_BENCH "Build the benchmarks bench/*.cc" OFF)

add_library(sluice_options INTERFACE)
target_compile_options(sluice_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                                -Wno-missing-field-initializers -fno-omit-frame-pointer)
target_include_directories(sluice_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_definitions(sluice_options INTERFACE "SLUICE_VERSION=\"${PROJECT_VERSION}\"")
if(SLUICE_SANITIZE)
  target_compile_options(sluice_options INTERFACE "-fsanitize=${SLUICE_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(sluice_options INTERFACE "-fsanitize=${SLUICE_SANITIZE}")
endif()
if(SLUICE_FUZZ)
  # The libraries report coverage to the fuzzer; only the fuzzers themselves are linked with its main().
  target_compile_options(sluice_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(sluice_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()
find_program(MOLD mold)
if(MOLD)
  target_link_options(sluice_options INTERFACE -fuse-ld=mold)
endif()
