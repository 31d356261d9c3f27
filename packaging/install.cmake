# Runs at install time: what depends on the prefix. file(INSTALL) puts DESTDIR in front by itself.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
  set(EDUTALLY_ETC /etc/edutally)
  set(EDUTALLY_UNITS /lib/systemd/system)
else()
  set(EDUTALLY_ETC "${CMAKE_INSTALL_PREFIX}/etc/edutally")
  set(EDUTALLY_UNITS "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")
endif()
set(EDUTALLY_BIN "${CMAKE_INSTALL_PREFIX}/bin")

configure_file("${EDUTALLY_SOURCE}/packaging/edutally.service.in" "${EDUTALLY_BINARY}/edutally.service" @ONLY)
file(INSTALL "${EDUTALLY_BINARY}/edutally.service" DESTINATION "${EDUTALLY_UNITS}" TYPE FILE)

# A second installation must not take an operator's changes away; the package manager has its own way (conffiles), and
# starts from an empty DESTDIR.
foreach(name collector.jsonc taxonomy.jsonc indicators.jsonc registry/areas.csv registry/centres.csv)
  if(EXISTS "$ENV{DESTDIR}${EDUTALLY_ETC}/${name}")
    message(STATUS "Kept as it is: $ENV{DESTDIR}${EDUTALLY_ETC}/${name}")
  else()
    get_filename_component(folder "${EDUTALLY_ETC}/${name}" DIRECTORY)
    file(INSTALL "${EDUTALLY_SOURCE}/config/${name}" DESTINATION "${folder}" TYPE FILE)
  endif()
endforeach()

# The unit hands over what is in it, and does not start without it. The package's postinst makes its own.
if(NOT CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$" AND NOT EXISTS "$ENV{DESTDIR}${EDUTALLY_ETC}/secrets")
  file(MAKE_DIRECTORY "$ENV{DESTDIR}${EDUTALLY_ETC}/secrets")
  file(CHMOD "$ENV{DESTDIR}${EDUTALLY_ETC}/secrets" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endif()

# "$schema" in those files is relative to them; editors find the schemas, which nobody edits, through this link.
set(link "$ENV{DESTDIR}${EDUTALLY_ETC}/schema")
if(NOT EXISTS "${link}" AND NOT IS_SYMLINK "${link}")
  message(STATUS "Installing: ${link}")
  file(CREATE_LINK "${CMAKE_INSTALL_PREFIX}/share/edutally/schema" "${link}" SYMBOLIC)
endif()
