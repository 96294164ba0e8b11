# Programs that use llama.h alone and are built twice: NAME with the patched llama.cpp, stock/bin/NAME with the stock one
# (with MAGNET_STOCK defined there).
include(ExternalProject)

set(MAGNET_STOCK_DIR ${CMAKE_BINARY_DIR}/stock)

# magnet_twin_program(NAME SOURCE…)
function(magnet_twin_program NAME)
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" OUTPUT_VARIABLE sources)
  add_executable(${NAME} ${sources})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${NAME} PRIVATE llama)
  magnet_compile_options(${NAME})
  list(JOIN sources "\" \"" sources)
  set_property(GLOBAL APPEND PROPERTY MAGNET_STOCK_PROGRAMS "${NAME} \"${sources}\"")
endfunction()

# The build of the stock side, after every magnet_twin_program.
function(magnet_add_stock)
  get_property(programs GLOBAL PROPERTY MAGNET_STOCK_PROGRAMS)
  if(NOT programs)
    return()
  endif()
  magnet_cache_dir(cache)
  set(flags -DCMAKE_BUILD_TYPE=Release)
  foreach(name IN ITEMS
      CMAKE_TOOLCHAIN_FILE MAGNET_PLATFORM CMAKE_C_FLAGS CMAKE_CXX_FLAGS CMAKE_MAKE_PROGRAM
      MAGNET_NATIVE MAGNET_CPU_CHOICE MAGNET_CUDA MAGNET_CCACHE MAGNET_LLAMA_SOURCE MAGNET_WERROR)
    if(DEFINED ${name})
      list(APPEND flags "-D${name}=${${name}}")
    endif()
  endforeach()
  if(NOT CMAKE_TOOLCHAIN_FILE)
    list(APPEND flags "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}")
  endif()
  string(REPLACE ";" "|" programs "${programs}")
  ExternalProject_Add(magnet_stock
    PREFIX            ${MAGNET_STOCK_DIR}-build
    SOURCE_DIR        ${PROJECT_SOURCE_DIR}/native/stock
    BINARY_DIR        ${MAGNET_STOCK_DIR}
    LIST_SEPARATOR    |
    CMAKE_ARGS        ${flags} "-DMAGNET_CACHE=${cache}" "-DMAGNET_STOCK_PROGRAMS=${programs}"
    BUILD_ALWAYS      ON
    INSTALL_COMMAND   ""
    USES_TERMINAL_CONFIGURE ON
    USES_TERMINAL_BUILD     ON
    DEPENDS           llama) # one after the other: the second finds nearly all objects in ccache
endfunction()
