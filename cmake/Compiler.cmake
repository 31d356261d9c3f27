# How every file of the project is compiled: the warnings that the house insists on and the hardening that Debian expects.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_definitions(_POSIX_C_SOURCE=200809L)
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
                    -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Werror
                    -fno-common -fstack-protector-strong)
add_link_options(-Wl,-z,relro -Wl,-z,now)
include(CheckPIESupported)
check_pie_supported()

if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT EDUTALLY_SANITIZE)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(EDUTALLY_SANITIZE)
  add_compile_options(-fsanitize=${EDUTALLY_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${EDUTALLY_SANITIZE})
  # GCC documents that warnings which follow the flow of values mislead in instrumented code; the release build has them.
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-restrict)
  endif()
  if(EDUTALLY_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
if(EDUTALLY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
