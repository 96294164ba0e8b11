# magnet_abi_source(HEADER OUTPUT): writes a C program that prints how its compiler lays out every struct of HEADER, for
# bindings that were made elsewhere to compare with: a line "struct size" a struct, then a line "struct.field offset size"
# a field.
function(magnet_abi_source HEADER OUTPUT)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${HEADER})
  file(READ ${HEADER} text)
  string(REPLACE ";" "@" text "${text}")   # a list separator to CMake; so are brackets in a way
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
  string(REGEX MATCHALL "struct magnet_[a-z_]+ {[^}]*}" structs "${text}")
  set(body "")
  foreach(struct IN LISTS structs)
    string(REGEX REPLACE "struct (magnet_[a-z_]+).*" "\\1" name "${struct}")
    string(APPEND body "    printf(\"${name} %u\\n\", (unsigned) sizeof(struct ${name}));\n")
    string(REGEX MATCHALL "[A-Za-z0-9_]+@" fields "${struct}")
    foreach(field IN LISTS fields)
      string(REPLACE "@" "" field "${field}")
      string(APPEND body "    FIELD(${name}, ${field});\n")
    endforeach()
  endforeach()
  if(NOT body MATCHES "magnet_model_params, use_mmap")
    message(FATAL_ERROR "${HEADER} is not written as cmake/abi.cmake reads it")
  endif()
  file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "magnet.h"

#include <stddef.h>
#include <stdio.h>

#define FIELD(s, f) \
    printf(#s "." #f " %u %u\n", (unsigned) offsetof(struct s, f), (unsigned) sizeof(((struct s *) 0)->f))

int main(void) {
@body@    return 0;
}
]])
endfunction()
