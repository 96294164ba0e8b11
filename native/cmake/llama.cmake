# The targets llama and llama-common (static, position independent, hidden symbols), from a patched tree.
include(${CMAKE_CURRENT_LIST_DIR}/llama-source.cmake)

# magnet_add_llama([PATCH…])
function(magnet_add_llama)
  set(tree ${CMAKE_CURRENT_BINARY_DIR}/llama.cpp)
  magnet_llama_source(${tree} ${ARGN})

  # Never ours to debug: optimised in every build of MAGNET, without its warnings or our sanitizers.
  set(CMAKE_BUILD_TYPE Release)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_C_VISIBILITY_PRESET hidden)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
  set(BUILD_SHARED_LIBS OFF)
  set(LLAMA_ALL_WARNINGS OFF)
  set(LLAMA_BUILD_IS_DEV OFF)
  set(LLAMA_BUILD_COMMON ON)
  foreach(part IN ITEMS TESTS TOOLS EXAMPLES SERVER APP UI MTMD)
    set(LLAMA_BUILD_${part} OFF)
  endforeach()
  set(LLAMA_OPENSSL OFF)
  set(LLAMA_SUBPROCESS OFF)
  set(LLAMA_LLGUIDANCE OFF)
  set(GGML_CCACHE OFF)
  set(GGML_OPENMP OFF) # one library without run-time dependencies; ggml has its own thread pool
  set(GGML_LLAMAFILE ON) # off by default in some builds of ggml: F32 twice, F16 seven times slower
  set(GGML_CUDA ${MAGNET_CUDA})
  set(GGML_NATIVE ${MAGNET_NATIVE})
  if(NOT MAGNET_NATIVE AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    foreach(feature IN ITEMS SSE42 AVX AVX2 BMI2 FMA F16C) # with FMA and BMI2: x86-64-v3
      set(GGML_${feature} ON)
    endforeach()
  endif()

  # The tree may lie inside MAGNET's repository, whose commit is not llama.cpp's.
  set(ceiling "$ENV{GIT_CEILING_DIRECTORIES}")
  set(ENV{GIT_CEILING_DIRECTORIES} "${CMAKE_CURRENT_BINARY_DIR}")
  add_subdirectory(${tree} ${tree}-build EXCLUDE_FROM_ALL SYSTEM)
  set(ENV{GIT_CEILING_DIRECTORIES} "${ceiling}")
endfunction()
