# magnet_test(NAME SOURCE… [LABELS label…])
#
# A doctest program that sees the inside of the library, registered with ctest under NAME. It may skip itself by exit
# code 77. Its environment names what it may run and read:
#   MAGNET_STOCK_BIN   folder of the programs linked with the stock llama.cpp (stock.cmake)
#   MAGNET_TWIN_BIN    folder of the same programs linked with the patched one
#   MAGNET_BIN         folder of the magnet program
#   MAGNET_EMULATOR    words to put before each of them, where they were built for another platform
#   MAGNET_TEST_DATA   native/tests
function(magnet_test NAME)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LABELS")
  magnet_test_program(${NAME} ${arg_UNPARSED_ARGUMENTS})
  add_test(NAME ${NAME} COMMAND test-${NAME})
  magnet_test_properties(${NAME} ${arg_LABELS})
endfunction()

# magnet_test_program(NAME SOURCE…): test-NAME, which ctest does not know yet.
function(magnet_test_program NAME)
  add_executable(test-${NAME} ${ARGN})
  set_target_properties(test-${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(test-${NAME} PRIVATE magnet_core magnet_test_main magnet_json)
  magnet_compile_options(test-${NAME})
endfunction()

# What every test gets, those that are no doctest program too.
function(magnet_test_properties NAME)
  set(timeout 600)
  if(MAGNET_SANITIZE)
    set(timeout 2400)
  elseif(CMAKE_CROSSCOMPILING_EMULATOR)
    set(timeout 7200)
  endif()
  list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " emulator)
  set_tests_properties(${NAME} PROPERTIES
    LABELS           "${ARGN}"
    SKIP_RETURN_CODE 77
    TIMEOUT          ${timeout})
  set_property(TEST ${NAME} APPEND PROPERTY ENVIRONMENT
    "MAGNET_STOCK_BIN=${MAGNET_STOCK_DIR}/bin"
    "MAGNET_TWIN_BIN=${CMAKE_BINARY_DIR}/tests"
    "MAGNET_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    "MAGNET_EMULATOR=${emulator}"
    "MAGNET_TEST_DATA=${PROJECT_SOURCE_DIR}/native/tests")
endfunction()
