# sluice_floor(NAME) starts a floor; sluice_module(NAME USES ... LIBS ...) declares a module on it.
#
# A module is the folder src/NAME: all its *.cc make the library sluice_NAME, its *_test.cc the program sluice_NAME_test, and each
# of its *_fuzz.cc a fuzzer when the preset asks for them. USES names modules that were declared before it: floors are declared
# from the ground up, so a step upwards does not configure. tests/tidy_test.py reads the same declarations and checks every
# #include.
set(SLUICE_MODULES "" CACHE INTERNAL "modules declared so far, lowest first")

function(sluice_floor name)
  message(VERBOSE "floor ${name}")
endfunction()

function(sluice_module name)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  foreach(used ${ARG_USES})
    if(NOT used IN_LIST SLUICE_MODULES)
      message(FATAL_ERROR "module ${name} uses ${used}, which is not below it: includes point down the stairs")
    endif()
  endforeach()
  set(SLUICE_MODULES ${SLUICE_MODULES} ${name} CACHE INTERNAL "")

  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cc")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")
  list(TRANSFORM ARG_USES PREPEND sluice_ OUTPUT_VARIABLE libraries)
  add_library(sluice_${name} STATIC ${sources})
  target_link_libraries(sluice_${name} PUBLIC sluice_options ${libraries} ${ARG_LIBS})

  if(SLUICE_TESTS AND tests)
    add_executable(sluice_${name}_test ${tests})
    target_link_libraries(sluice_${name}_test PRIVATE sluice_${name} GTest::gmock GTest::gtest_main)
    target_compile_definitions(sluice_${name}_test PRIVATE "SLUICE_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
    add_test(NAME ${name} COMMAND sluice_${name}_test)
  endif()
  if(SLUICE_FUZZ)
    foreach(fuzzer ${fuzzers})
      get_filename_component(program "${fuzzer}" NAME_WE)
      add_executable(${program} "${fuzzer}")
      target_link_libraries(${program} PRIVATE sluice_${name} -fsanitize=fuzzer)
      set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers")
    endforeach()
  endif()
endfunction()

# SOURCE copies files of FOLDER into the program (.incbin "NAME/..."): it is compiled again when one of them changes.
function(sluice_embed source name folder)
  file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*")
  set_source_files_properties("${CMAKE_SOURCE_DIR}/${source}" PROPERTIES OBJECT_DEPENDS "${files}"
                              COMPILE_DEFINITIONS "${name}=\"${CMAKE_SOURCE_DIR}/${folder}\"")
endfunction()

# The binary NAME, from src/MODULE/main.cc, at the top of the build folder.
function(sluice_program name module)
  add_executable(${name} "${CMAKE_SOURCE_DIR}/src/${module}/main.cc")
  target_link_libraries(${name} PRIVATE sluice_${module})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
endfunction()
