# assemble.cmake: makes the texts that Redis gets from the sources in this folder.
#   cmake -DSRC=<this folder> -DOUT=<output folder> -P assemble.cmake
# A script is its first line (#!lua ...), then the files named in its line "-- @prelude", then the whole script
# again without the first line. append.lua and checkpoint.lua become library.lua, "#!lua name=sluice_<name>", whose
# function names end in the same <name>: the first 8 hex digits of the SHA-1 of the text that still says @NAME@.
# <name> also stands alone in library.name.
set(scripts begin claim finish stop settle release renew reap sweep read position watch delete view chats place whose patch look dead publish graphs report)
file(MAKE_DIRECTORY "${OUT}")

foreach(script IN LISTS scripts)
  file(READ "${SRC}/${script}.lua" text)
  string(FIND "${text}" "\n" eol)
  string(SUBSTRING "${text}" 0 ${eol} shebang)
  string(SUBSTRING "${text}" ${eol} -1 body)
  set(prelude "")
  if(text MATCHES "\n-- @prelude ([a-z. ]+)\n")
    string(REPLACE " " ";" files "${CMAKE_MATCH_1}")
    foreach(name IN LISTS files)
      file(READ "${SRC}/${name}" part)
      string(APPEND prelude "\n${part}")
    endforeach()
  endif()
  file(WRITE "${OUT}/${script}.lua" "${shebang}${prelude}${body}")
endforeach()

file(READ "${SRC}/append.lua" append)
file(READ "${SRC}/checkpoint.lua" checkpoint)
set(text "#!lua name=sluice_@NAME@\n${append}\n${checkpoint}")
string(SHA1 sha "${text}")
string(SUBSTRING "${sha}" 0 8 name)
string(REPLACE "@NAME@" "${name}" text "${text}")
file(WRITE "${OUT}/library.lua" "${text}")
file(WRITE "${OUT}/library.name" "${name}\n")
