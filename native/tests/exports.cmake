# cmake -DLIBRARY=libmagnet.so -DHEADER=magnet.h -P exports.cmake
#
# The library exports the functions that magnet.h declares and no other symbol, and needs the C library alone.
cmake_minimum_required(VERSION 3.25)

function(run OUT)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
  set(${OUT} "${out}" PARENT_SCOPE)
endfunction()

file(READ ${HEADER} header)
string(REGEX REPLACE "/\\*[^*]*\\*+([^/*][^*]*\\*+)*/" "" header "${header}")
string(REGEX MATCHALL "MAGNET_API [^;(]*magnet_[a-z0-9_]+\\(" declared "${header}")
list(TRANSFORM declared REPLACE "^.*(magnet_[a-z0-9_]+)\\($" "\\1")

run(out readelf --dyn-syms --wide ${LIBRARY}) # of any processor, as nm is not
string(REGEX MATCHALL "(GLOBAL|WEAK) +DEFAULT +[0-9]+ [^\n@]+" lines "${out}")
list(TRANSFORM lines REPLACE "^.* " "" OUTPUT_VARIABLE exported)

list(LENGTH declared count)
if(count LESS 20)
  message(FATAL_ERROR "found only ${count} functions in ${HEADER}: this test does not understand it any more")
endif()
foreach(name IN LISTS declared)
  if(NOT name IN_LIST exported)
    message(SEND_ERROR "${HEADER} declares ${name}, which ${LIBRARY} does not export")
  endif()
endforeach()
foreach(name IN LISTS exported)
  if(NOT name IN_LIST declared)
    message(SEND_ERROR "${LIBRARY} exports ${name}, which ${HEADER} does not declare")
  endif()
endforeach()

run(out readelf --dynamic --wide ${LIBRARY})
string(REGEX MATCHALL "\\(NEEDED\\)[^\n]*\\[[^]]+\\]" needed "${out}")
list(TRANSFORM needed REPLACE "^.*\\[([^]]+)\\]$" "\\1")
foreach(name IN LISTS needed)
  if(NOT name MATCHES "^(libc|libm|libdl|libpthread|librt|ld-linux-[a-z0-9-]+)\\.so\\.[0-9]+$")
    message(SEND_ERROR "${LIBRARY} needs ${name}")
  endif()
endforeach()
list(JOIN needed ", " needed)
message(STATUS "${count} functions exported, as declared; needs ${needed}")
