# cmake -DPROGRAM=doctest program -DREPORT=file -P silent.cmake
#
# Runs the tests of a program, whose own report goes to a file: nothing may be printed, whatever the library is given.
execute_process(COMMAND ${PROGRAM} --out=${REPORT}
  RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(NOT "${out}${err}" STREQUAL "")
  message(FATAL_ERROR "printed:\n${out}${err}")
endif()
if(NOT result EQUAL 0)
  file(READ ${REPORT} report)
  message(FATAL_ERROR "${report}")
endif()
file(REMOVE ${REPORT})
