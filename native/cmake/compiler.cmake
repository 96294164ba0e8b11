# How MAGNET's own code is compiled, and ccache.

# Adds warnings, sanitizers and instruction set to a target of ours.
function(magnet_compile_options TARGET)
  target_compile_features(${TARGET} PRIVATE cxx_std_17)
  target_compile_options(${TARGET} PRIVATE
    -Wall -Wextra -Wpedantic -Wcast-qual -Wno-unused-function $<$<COMPILE_LANGUAGE:CXX>:-Wmissing-declarations>)
  target_compile_options(${TARGET} PRIVATE -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
  if(MAGNET_WERROR)
    target_compile_options(${TARGET} PRIVATE -Werror)
  endif()
  if(MAGNET_SANITIZE STREQUAL "thread")
    target_compile_options(${TARGET} PRIVATE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(${TARGET} PRIVATE -fsanitize=thread)
  elseif(MAGNET_SANITIZE)
    target_compile_options(${TARGET} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=undefined
      -fno-omit-frame-pointer)
    target_link_options(${TARGET} PRIVATE -fsanitize=address,undefined)
  endif()
  magnet_cpu_flags(flags)
  target_compile_options(${TARGET} PRIVATE ${flags})
endfunction()

# OUT: what the compiler is told about the CPU; nothing is what every CPU of the architecture has.
function(magnet_cpu_flags OUT)
  if(MAGNET_NATIVE)
    set(${OUT} -march=native PARENT_SCOPE)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT MAGNET_CPU_CHOICE)
    set(${OUT} -march=x86-64-v3 PARENT_SCOPE)
  else()
    set(${OUT} "" PARENT_SCOPE)
  endif()
endfunction()

# A target of ours that becomes part of libmagnet.
function(magnet_library_properties TARGET)
  set_target_properties(${TARGET} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET       hidden
    CXX_VISIBILITY_PRESET     hidden
    VISIBILITY_INLINES_HIDDEN ON)
  magnet_compile_options(${TARGET})
endfunction()

# Compiles through ccache in such a way that checkouts in other folders find each other's objects.
macro(magnet_use_ccache)
  find_program(MAGNET_CCACHE_PROGRAM ccache)
  if(MAGNET_CCACHE AND MAGNET_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # -march=native is one flag and many CPUs: what it stands for here goes into the key of each object.
    if(MAGNET_NATIVE)
      execute_process(COMMAND ${CMAKE_CXX_COMPILER} -march=native -E -v -x c++ /dev/null
        OUTPUT_QUIET ERROR_VARIABLE native_cpu)
    endif()
    string(REGEX MATCHALL " -m[^ \n]+" native_cpu "${native_cpu}")
    file(WRITE ${CMAKE_BINARY_DIR}/native-cpu.txt "${native_cpu}\n")
    string(FIND "${CMAKE_BINARY_DIR}/" "${CMAKE_SOURCE_DIR}/" inside)
    if(inside EQUAL 0)
      set(base_dir ${CMAKE_SOURCE_DIR})
    else()
      set(base_dir ${CMAKE_BINARY_DIR})
    endif()
    set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${base_dir} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=time_macros CCACHE_EXTRAFILES=${CMAKE_BINARY_DIR}/native-cpu.txt ${MAGNET_CCACHE_PROGRAM})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
  endif()
endmacro()
