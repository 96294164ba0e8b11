# cmake [-DEMULATOR=words before a program] -DSTOCK=program -DPATCHED=program -DMODEL=file -DWORK=folder -P same-logits.cmake
#
# Without roles, the patched llama.cpp computes what the stock one does, to the bit (logits.cpp).
cmake_minimum_required(VERSION 3.25)

file(MAKE_DIRECTORY ${WORK})
foreach(side IN ITEMS STOCK PATCHED)
  execute_process(COMMAND ${EMULATOR} ${${side}} ${MODEL} ${WORK}/${side}.f32
    RESULT_VARIABLE result OUTPUT_VARIABLE log ERROR_VARIABLE log)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${${side}} ${MODEL}: ${result}\n${log}")
  endif()
endforeach()
file(SIZE ${WORK}/STOCK.f32 size)
file(SHA256 ${WORK}/STOCK.f32 stock)
file(SHA256 ${WORK}/PATCHED.f32 patched)
file(REMOVE_RECURSE ${WORK})
if(NOT stock STREQUAL patched OR size LESS 100000)
  message(FATAL_ERROR "${MODEL}: the ${size} bytes of logits and embeddings differ\n"
    "  stock   ${stock}\n  patched ${patched}")
endif()
message(STATUS "${size} bytes of logits and embeddings are the same")
