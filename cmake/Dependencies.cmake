# Libraries from the distribution, found once and given short names.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
endif()




# libexpected-dev (tl/expected.hpp) and libcli11-dev are headers only.
find_path(TL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
add_library(tl_expected INTERFACE)
target_include_directories(tl_expected SYSTEM INTERFACE "${TL_EXPECTED_INCLUDE}")
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
add_library(cli11 INTERFACE)
target_include_directories(cli11 SYSTEM INTERFACE "${CLI11_INCLUDE}")
