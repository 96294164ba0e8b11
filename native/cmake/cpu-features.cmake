# What a library compiled here asks of the CPU: libmagnet.so.cpu beside the library, one name of /proc/cpuinfo a line. The
# Java loader reads it before it opens the library, since an instruction that is missing would end the process.

# Macro that the compiler defines for an instruction set, and the kernel's name of it. Left out are sets that compilers
# use only where code names their instructions, and ours names none (AES, SHA, VP2INTERSECT, ...).
set(MAGNET_CPU_FEATURES
  __SSE3__ pni  __SSSE3__ ssse3  __SSE4_1__ sse4_1  __SSE4_2__ sse4_2  __POPCNT__ popcnt  __LZCNT__ abm
  __BMI__ bmi1  __BMI2__ bmi2  __MOVBE__ movbe  __AVX__ avx  __AVX2__ avx2  __FMA__ fma  __F16C__ f16c
  __GFNI__ gfni  __AVXVNNI__ avx_vnni  __AVXIFMA__ avx_ifma
  __AVX512F__ avx512f  __AVX512BW__ avx512bw  __AVX512CD__ avx512cd  __AVX512DQ__ avx512dq  __AVX512VL__ avx512vl
  __AVX512IFMA__ avx512ifma  __AVX512VBMI__ avx512vbmi  __AVX512VBMI2__ avx512_vbmi2  __AVX512VNNI__ avx512_vnni
  __AVX512BITALG__ avx512_bitalg  __AVX512VPOPCNTDQ__ avx512_vpopcntdq  __AVX512BF16__ avx512_bf16
  __AVX512FP16__ avx512_fp16  __AMX_TILE__ amx_tile  __AMX_INT8__ amx_int8  __AMX_BF16__ amx_bf16
  __ARM_FEATURE_DOTPROD asimddp  __ARM_FEATURE_FP16_VECTOR_ARITHMETIC asimdhp  __ARM_FEATURE_MATMUL_INT8 i8mm
  __ARM_FEATURE_BF16 bf16  __ARM_FEATURE_SVE sve  __ARM_FEATURE_SVE2 sve2)

# Writes the file for TARGET, compiled with these flags.
function(magnet_write_cpu_features TARGET)
  execute_process(COMMAND ${CMAKE_C_COMPILER} ${ARGN} -dM -E -x c /dev/null OUTPUT_VARIABLE macros RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${CMAKE_C_COMPILER} ${ARGN} does not say what it compiles for")
  endif()
  set(names "")
  set(pairs ${MAGNET_CPU_FEATURES})
  while(pairs)
    list(POP_FRONT pairs macro name)
    if(macros MATCHES "#define ${macro} ")
      string(APPEND names "${name}\n")
    endif()
  endwhile()
  set(file $<TARGET_FILE_DIR:${TARGET}>/${CMAKE_SHARED_LIBRARY_PREFIX}magnet${CMAKE_SHARED_LIBRARY_SUFFIX}.cpu)
  file(GENERATE OUTPUT ${file} CONTENT "${names}")
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
