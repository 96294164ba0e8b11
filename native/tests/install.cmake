# cmake -DBUILD=… -DAPP=… -DWORK=… -DGENERATOR=… -DC_COMPILER=… -DCXX_COMPILER=… -P install.cmake
#
# Installs MAGNET, moves what was installed somewhere else, and builds and runs apps against it: with find_package in C
# and C++, with pkg-config in C (where pkg-config is installed), and the magnet program from its new place.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${result}\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

function(run_app)
  run(${ARGN})
  if(NOT out MATCHES "^0\\.[0-9]+\\.[0-9]+ .*no-such-model\\.gguf")
    message(FATAL_ERROR "${ARGN} printed: ${out}")
  endif()
  message(STATUS "${out}")
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed ${WORK}/moved)
file(GLOB_RECURSE pc ${WORK}/moved/magnet.pc)
file(GLOB_RECURSE library ${WORK}/moved/libmagnet.so)
get_filename_component(libdir ${library} DIRECTORY)
if(NOT EXISTS ${library}.cpu)
  message(FATAL_ERROR "libmagnet.so.cpu, what the library asks of the CPU, is not installed beside it")
endif()

run(${CMAKE_COMMAND} -S ${APP} -B ${WORK}/app -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${WORK}/moved
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER})
run(${CMAKE_COMMAND} --build ${WORK}/app)
run_app(${WORK}/app/app-c)
run_app(${WORK}/app/app-cpp)

find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(PKG_CONFIG)
  get_filename_component(pcdir ${pc} DIRECTORY)
  run(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${pcdir} ${PKG_CONFIG} --cflags --libs magnet)
  separate_arguments(flags UNIX_COMMAND "${out}")
  run(${C_COMPILER} ${APP}/app.c -o ${WORK}/app-pkg-config ${flags} -Wl,-rpath,${libdir}) # as README.md says
  run_app(${WORK}/app-pkg-config)
else()
  message(STATUS "pkg-config is not installed: magnet.pc was not tried")
endif()

if(EXISTS ${WORK}/moved/bin/magnet)
  run(${WORK}/moved/bin/magnet --version)
  message(STATUS "magnet --version: ${out}")
endif()
file(REMOVE_RECURSE ${WORK})
