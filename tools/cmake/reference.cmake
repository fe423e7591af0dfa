# Target `docs`: the reference of the public headers in build/reference/html, where there is doxygen.
find_program(DCP_DOXYGEN doxygen)
if(DCP_DOXYGEN)
  configure_file(${PROJECT_SOURCE_DIR}/docs/reference/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
  add_custom_target(docs COMMAND ${DCP_DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile VERBATIM
                         COMMENT "reference/html/index.html: include/dcp")
endif()
