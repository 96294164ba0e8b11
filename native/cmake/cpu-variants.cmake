# ggml's CPU backend, compiled for several instruction sets into one library, which takes the best that the CPU has.
#
# A variant is the backend's own sources with other flags; its symbols get a suffix (suffix-symbols.py), and
# src/llama/magnet-cpu-variants.cpp forwards what others call to the variant chosen. The baseline is one too, so that the
# library starts on every CPU of the architecture. Namespace usable there says what a variant asks of the CPU.
#
# None has arithmetic in F16 (avx512fp16, fp16, sve): ggml would add up attention's scores in it, and large ones overflow.

# Some of those below, best first and with the baseline, where a build is to be quick; empty: all.
set(MAGNET_CPU_VARIANTS "" CACHE STRING "variants of ggml's CPU backend (native/cmake/cpu-variants.cmake)")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx2 -msse4.2 -mavx -mavx2 -mfma -mf16c -mbmi2)
  set(avxvnni ${avx2} -mavxvnni)                                                             # Alder Lake
  set(avx512vnni ${avx2} -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl -mavx512vnni) # Cascade Lake
  set(avx512bf16 ${avx512vnni} -mavx512bf16)                                                 # Zen 4
  set(amx ${avx512bf16} -mamx-tile -mamx-int8)                                               # Sapphire Rapids
  set(all avx512bf16 avx512vnni avxvnni avx2 baseline)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux") # elsewhere nobody asks the system for the tiles
    list(PREPEND all amx)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64" AND NOT APPLE)
  set(dotprod -march=armv8.2-a+dotprod)
  set(i8mm ${dotprod}+i8mm)
  set(all i8mm dotprod baseline)
else() # Apple's first processor has what the compiler takes for granted
  set(all baseline)
endif()
set(baseline "")
if(NOT MAGNET_CPU_VARIANTS)
  set(MAGNET_CPU_VARIANTS ${all})
endif()

# Puts the target ggml-cpu-variants where ggml links ggml-cpu.
function(magnet_add_cpu_variants)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/suffix-symbols.py)
  set(src ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../src)
  get_target_property(dir ggml-cpu SOURCE_DIR)
  get_target_property(sources ggml-cpu SOURCES)
  list(FILTER sources INCLUDE REGEX "[.](c|cpp)$")
  set(objects "")
  set(list "")
  foreach(variant IN LISTS MAGNET_CPU_VARIANTS)
    set(target ggml-cpu-${variant})
    add_library(${target} OBJECT EXCLUDE_FROM_ALL)
    set(renamed "")
    foreach(source IN LISTS sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${dir} NORMALIZE OUTPUT_VARIABLE file)
      # objects by names of their own, since sources share names (quants.c, repack.cpp)
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${dir}/ggml-cpu OUTPUT_VARIABLE name)
      string(REPLACE "/" "-" name ${name})
      set(copy ${CMAKE_CURRENT_BINARY_DIR}/cpu-variants/source/${name})
      file(CONFIGURE OUTPUT ${copy} CONTENT "#include \"${file}\"\n" @ONLY)
      target_sources(${target} PRIVATE ${copy})
      list(APPEND renamed ${CMAKE_CURRENT_BINARY_DIR}/cpu-variants/${variant}/${name}${CMAKE_CXX_OUTPUT_EXTENSION})
    endforeach()
    foreach(property IN ITEMS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES COMPILE_OPTIONS)
      get_target_property(value ggml-cpu ${property})
      if(value)
        set_property(TARGET ${target} PROPERTY ${property} ${value})
      endif()
    endforeach()
    get_directory_property(definitions DIRECTORY ${dir} COMPILE_DEFINITIONS) # _GNU_SOURCE and the like are its folder's
    target_compile_definitions(${target} PRIVATE ${definitions})
    get_target_property(includes ggml-cpu INCLUDE_DIRECTORIES)
    list(TRANSFORM includes REPLACE "^([^/$].*)" "${dir}/\\1")
    set_property(TARGET ${target} PROPERTY INCLUDE_DIRECTORIES ${includes} ${dir} ${dir}/ggml-cpu)
    set_property(TARGET ${target} PROPERTY POSITION_INDEPENDENT_CODE ON)
    target_compile_options(${target} PRIVATE ${${variant}})
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_compile_options(${target} PRIVATE -fno-addrsig) # a table that counts symbols
    endif()
    target_link_libraries(${target} PRIVATE ggml-base)
    add_custom_command(OUTPUT ${renamed} COMMAND_EXPAND_LISTS VERBATIM
      COMMAND Python3::Interpreter ${script} __${variant} ${CMAKE_CURRENT_BINARY_DIR}/cpu-variants/${variant}
        "$<TARGET_OBJECTS:${target}>"
      DEPENDS ${script} ${target} "$<TARGET_OBJECTS:${target}>"
      COMMENT "ggml's CPU kernels: ${variant}")
    set_source_files_properties(${renamed} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    list(APPEND objects ${renamed})
    string(APPEND list " X(${variant})")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/cpu-variants/magnet-cpu-variants-list.h @ONLY
    CONTENT "#define MAGNET_CPU_VARIANTS(X)${list}\n")

  add_library(ggml-cpu-variants STATIC EXCLUDE_FROM_ALL
    ${src}/llama/magnet-cpu-variants.cpp ${src}/base/cpu-features.cpp ${objects})
  target_compile_features(ggml-cpu-variants PRIVATE cxx_std_17)
  target_include_directories(ggml-cpu-variants PRIVATE ${src} ${CMAKE_CURRENT_BINARY_DIR}/cpu-variants)
  target_link_libraries(ggml-cpu-variants PUBLIC ggml-base)
  foreach(property IN ITEMS LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
    get_target_property(libraries ggml ${property})
    list(TRANSFORM libraries REPLACE "ggml-cpu" "ggml-cpu-variants")
    set_property(TARGET ggml PROPERTY ${property} ${libraries})
  endforeach()
endfunction()
